"""The Terraform configuration by itself: its form, and what it plans without an account."""

import json

import pytest

from archive.tables import TERRAFORM_FILE
from infra.lake_file import write_lake_file


def test_the_files_are_in_terraforms_format(configuration):
    configuration.terraform("fmt", "-check", "-recursive", "-diff")


def test_the_configuration_is_valid(configuration):
    assert json.loads(configuration.terraform("validate", "-json"))["valid"]


@pytest.mark.slow
def test_what_it_plans_is_as_designed(configuration):
    output = configuration.terraform("test", "-no-color")
    assert ", 0 failed." in output


def test_terraform_has_the_lake_as_the_code_has_it(tmp_path):
    file = tmp_path / "lake_tables.json"
    write_lake_file(file)
    assert file.read_text() == TERRAFORM_FILE.read_text(), "run: make terraform"


def test_the_lakes_file_is_written_only_where_it_changes(tmp_path):
    file = tmp_path / "lake_tables.json"
    assert [write_lake_file(file), write_lake_file(file)] == [True, False]
