"""The server of the tests of services, for validators from elsewhere."""

from tests.web.conftest import server, start_server

__all__ = ["server", "start_server"]
