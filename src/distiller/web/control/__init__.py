"""The control socket: commands on a served home go through it, never through a port."""

from distiller.web.control.server import serving

__all__ = ["serving"]
