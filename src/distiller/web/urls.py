"""Every address of the site: one line per service or page."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("tap/", include("distiller.web.tap.urls")),
    path("", include("distiller.web.scs.urls")),
    path("sia2/", include("distiller.web.sia.urls")),
    path("uws/", include("distiller.web.uws.urls")),
    path("data/", include("distiller.web.data.urls")),
    path("accounts/", include("distiller.web.accounts.urls")),
    path("", include("distiller.web.pages.urls")),
]
handler400 = "distiller.web.pages.errors.bad_request"
handler403 = "distiller.web.pages.errors.forbidden"
handler404 = "distiller.web.pages.errors.not_found"
handler500 = "distiller.web.pages.errors.failed"
