"""Addresses of the job services.

Written without a last slash, since clients join names to the address of the list; with
one they mean the same. Whatever else stands below is answered as a service answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import URLPattern, path

from distiller.web.uws import views

if TYPE_CHECKING:
    from distiller.web.errors import View


def _both(place: str, view: View, name: str) -> list[URLPattern]:
    return [path(place, view, name=name), path(f"{place}/", view)]


app_name = "uws"
urlpatterns: list[URLPattern] = [
    *_both("<str:task>", views.jobs, "jobs"),
    *_both("<str:task>/<str:job_id>", views.job, "job"),
    *_both("<str:task>/<str:job_id>/<str:child>", views.child, "child"),
    *_both("<str:task>/<str:job_id>/results/<str:result_id>", views.result, "result"),
    path("", views.absent, name="tasks"),
    path("<path:rest>", views.absent),
]
