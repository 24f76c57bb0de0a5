"""Ways to run a job folder: this machine, Slurm."""
