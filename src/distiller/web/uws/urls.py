"""Addresses of the job services."""

from __future__ import annotations

from django.urls import URLPattern, path

from distiller.web.uws import views

app_name = "uws"
urlpatterns: list[URLPattern] = [
    path("<str:task>", views.jobs, name="jobs"),
    path("<str:task>/<str:job_id>", views.job, name="job"),
    path("<str:task>/<str:job_id>/<str:child>", views.child, name="child"),
    path(
        "<str:task>/<str:job_id>/results/<str:result_id>", views.result, name="result"
    ),
]
"""No last slashes: clients join names to the address of the list."""
