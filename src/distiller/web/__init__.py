"""The only room that imports Django: services and pages."""
