"""Pure functions (configuration, files) to files; Gammapy lives here."""
