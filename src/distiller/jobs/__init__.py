"""The engine behind UWS: service, supervisor, shepherd, engines."""
