"""SQL of the engines that a checked tree is written for."""
