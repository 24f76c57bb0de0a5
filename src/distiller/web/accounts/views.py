"""Pages to log in and out."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError

from distiller.core.errors import Busy
from distiller.web.accounts.doorkeeper import DOOR


class LogInForm(AuthenticationForm):
    """Name and password; wrong ones count together with those that programs give."""

    def clean(self) -> dict[str, Any]:
        """Look for the user."""
        name = self.cleaned_data.get("username")
        password = self.cleaned_data.get("password")
        if name is None or not password:
            return self.cleaned_data
        address = str(self.request.META.get("REMOTE_ADDR", "")) if self.request else ""
        try:
            user = DOOR.user(name, password, address)
        except Busy as error:
            raise ValidationError(error.text, code="busy") from error
        if user is None:
            raise self.get_invalid_login_error()
        self.confirm_login_allowed(user)  # type: ignore[arg-type]  # our own model
        self.user_cache = user  # type: ignore[assignment]  # likewise
        return self.cleaned_data


class LogInView(LoginView):
    """Asks for name and password; ``next`` is followed on this site only."""

    form_class = LogInForm
    template_name = "accounts/login.html"
    redirect_authenticated_user = True
    extra_context: dict[str, Any] = {"here": "login"}  # noqa: RUF012 - as Django has it
