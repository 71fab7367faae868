"""What the tests of roles share with those of Terraform."""

from tests.infra.terraform.conftest import configuration  # noqa: F401 (a fixture)
