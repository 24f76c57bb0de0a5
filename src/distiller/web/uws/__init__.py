"""Jobs as resources: the UWS 1.1 services ``/uws/<task>``."""
