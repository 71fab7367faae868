"""The commands of a page are found and run as they stand."""

import pytest

from tests.markdown_commands import Command, CommandFailed, commands, run_all

PAGE = """# A page

```console
$ NAME=world
$ echo "hello $NAME" \\
    and more
hello world and more
```

Not run: `$ false`, and

```bash
$ false
```
  ```console
  $ echo last
  ```
"""


@pytest.fixture
def page(tmp_path):
    file = tmp_path / "page.md"
    file.write_text(PAGE)
    return file


def test_only_prompts_in_console_blocks_are_commands(page):
    assert commands(page) == [
        Command(page, 4, "NAME=world"),
        Command(page, 5, 'echo "hello $NAME" \\\n    and more'),
        Command(page, 16, "echo last"),
    ]


def test_variables_outlive_their_command(page, tmp_path):
    ran = run_all(commands(page), folder=tmp_path, environment={})
    assert [each.output for each in ran] == ["", "hello world and more\n", "last\n"]


def test_the_environment_is_that_given(tmp_path):
    command = Command(tmp_path, 1, "echo $SPILLWAY_URL")
    [ran] = run_all([command], folder=tmp_path, environment={"SPILLWAY_URL": "http://127.0.0.1:1"})
    assert ran.output == "http://127.0.0.1:1\n"


def test_a_command_that_fails_is_named_with_its_line(page, tmp_path):
    with pytest.raises(CommandFailed, match=r"page.md:9: \$ false \| cat\nexited with 1"):
        run_all([Command(page, 9, "false | cat")], folder=tmp_path, environment={})
