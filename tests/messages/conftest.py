"""Fixtures: those of the integration tests that run `iris`."""

from integration.conftest import iris, own_sshd, remote_user, remote_users, scratch, sshd  # noqa: F401
