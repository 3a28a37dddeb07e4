"""The addresses of the site: to sign in, for members, for the desk, for the treasurer."""

from __future__ import annotations

from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.i18n import set_language
from exchange.members.views import Password

urlpatterns = [
    path("", include("exchange.members.urls")),
    path("desk/", include("exchange.desk.urls")),
    path("treasury/", include("exchange.treasury.urls")),
    path("login/", auth.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("password/", Password.as_view(), name="password"),
    path(
        "welcome/<uidb64>/<token>/",
        auth.PasswordResetConfirmView.as_view(success_url="/login/"),
        name="welcome",
    ),
    path("language/", login_not_required(set_language), name="set_language"),
]
