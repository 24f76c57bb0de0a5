"""The ASGI application: static files by Starlette, everything else by Django."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "distiller.web.settings")

from django.core.asgi import get_asgi_application
from starlette.staticfiles import StaticFiles

from distiller.core.settings import load_settings
from distiller.web.bodies import limited
from distiller.web.services import ServiceHandler, is_for_anybody

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

_STATIC_PREFIX = "/static"

_most_mb = load_settings().upload_mb
_django = limited(get_asgi_application(), _most_mb)  # type: ignore[arg-type]  # same protocol
_services = limited(ServiceHandler(), _most_mb)  # type: ignore[arg-type]  # likewise
_static = StaticFiles(directory=Path(__file__).parent / "static", check_dir=False)


async def application(scope: Message, receive: Receive, send: Send) -> None:
    """Answer one connection."""
    if scope["type"] == "http" and scope["path"].startswith(f"{_STATIC_PREFIX}/"):
        scope = {**scope, "root_path": scope.get("root_path", "") + _STATIC_PREFIX}
        await _static(scope, receive, send)
    elif is_for_anybody(scope):
        await _services(scope, receive, send)
    else:
        await _django(scope, receive, send)
