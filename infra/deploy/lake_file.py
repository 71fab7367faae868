"""What Terraform reads of the lake: `archive.lake.tables` as a JSON file, so that tables are defined once.

Terraform could derive the columns from the event schema by itself, but then there would be two derivations to keep
alike. The file is checked in, so that Terraform runs without Python; a test holds it equal. `python -m
infra.deploy.lake_file` writes it, as `make terraform` and `spillway deploy` do.
"""

import json
from pathlib import Path

from archive.lake.tables import TERRAFORM_FILE, terraform_document


def write_lake_file(file: Path = TERRAFORM_FILE) -> bool:
    """Bring the file up to date; whether that changed it."""
    text = json.dumps(terraform_document(), indent=2, sort_keys=True) + "\n"
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return False
    file.write_text(text, encoding="utf-8")
    return True


if __name__ == "__main__":
    write_lake_file()
