"""Addresses of the job services.

Written without a last slash, since clients join names to the address of the list; with
one they mean the same. Whatever else stands below is answered as a service answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import URLPattern, path

from distiller.jobs.store import QUERY
from distiller.web import vosi
from distiller.web.uws import descriptions, views

if TYPE_CHECKING:
    from distiller.web.errors import View


def tree(list_place: str, **given: str) -> list[URLPattern]:
    """Return the addresses of a list of jobs and of all that is below it.

    Parameters
    ----------
    list_place
        Of the list, below the place where these are included.
    given
        The task, unless ``list_place`` names it.
    """

    def both(place: str, view: View, name: str) -> list[URLPattern]:
        whole = f"{list_place}{place}"
        return [path(whole, view, given, name=name), path(f"{whole}/", view, given)]

    one = "/<str:job_id>"
    return [
        *both("", views.jobs, "jobs"),
        *both(one, views.job, "job"),
        *both(f"{one}/log", views.log, "log"),
        *both(f"{one}/<str:child>", views.child, "child"),
        *both(f"{one}/results/<str:result_id>", views.result, "result"),
        *both(f"{one}/parameters/<str:name>", views.parameter, "parameter"),
    ]


app_name = "uws"
urlpatterns: list[URLPattern] = [
    # Queries have one address, which is TAP's.
    path(QUERY, views.absent),
    path(f"{QUERY}/<path:rest>", views.absent),
    path("", descriptions.index, name="tasks"),
    path("capabilities", descriptions.capabilities, name="capabilities"),
    path("availability", vosi.availability, name="availability"),
    # No job has such a name: they are random.
    path("<str:task>/schema.json", descriptions.schema, name="schema"),
    path("<str:task>/descriptor", descriptions.descriptor, name="descriptor"),
    *tree("<str:task>"),
    path("<path:rest>", views.absent),
]
