"""Pages to log in and out."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.views import LoginView


class LogInView(LoginView):
    """Asks for name and password; ``next`` is followed on this site only."""

    template_name = "accounts/login.html"
    redirect_authenticated_user = True
    extra_context: dict[str, Any] = {"here": "login"}  # noqa: RUF012 - as Django has it
