"""The server of the tests of services, for validators from elsewhere."""

from tests.web.conftest import each_server, embedded_server, server, start_server

__all__ = ["each_server", "embedded_server", "server", "start_server"]
