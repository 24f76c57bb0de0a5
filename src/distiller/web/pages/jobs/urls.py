"""Addresses of the jobs' pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from distiller.web.pages.jobs import starting, views

if TYPE_CHECKING:
    from django.urls import URLPattern

urlpatterns: list[URLPattern] = [
    path("", views.job_list, name="jobs"),
    path("count/", views.count, name="jobs-count"),
    path("new/", starting.choose, name="job-choose"),
    path("new/<str:task>/", starting.new, name="job-new"),
    path("<str:job_id>/", views.job, name="job"),
    path("<str:job_id>/run/", views.run, name="job-run"),
    path("<str:job_id>/anew/", views.anew, name="job-anew"),
    path("<str:job_id>/hold/", views.hold, name="job-hold"),
    path("<str:job_id>/abort/", views.abort, name="job-abort"),
    path("<str:job_id>/delete/", views.delete, name="job-delete"),
]
