"""Every path, link, module, setting, command, option and make target that the docs name exists."""

import ast
import functools
import io
import re
import subprocess
import tokenize
from pathlib import Path

import click
import pytest
import yaml

from infra.cli.main import spillway
from tests.architecture.folders import LAYERS, ROOT, modules
from tests.docs.names import Name, Names, names, words_of

PAGES = sorted([*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md")])
SETTINGS = yaml.safe_load((ROOT / "infra/pipeline.yaml").read_text())
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
OTHER_PROGRAMS = {"--help", "--version", "--endpoint-url"}  # options of any command, and of the AWS CLI
PLACEHOLDERS = re.compile(r"[<>…]|\.\.\.")


@pytest.fixture(scope="module", params=PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def named(request: pytest.FixtureRequest) -> Names:
    return names(request.param)


def fail_for(wrong: list[Name], what: str) -> None:
    assert not wrong, f"{what} that do not exist: " + "; ".join(map(str, wrong))


def is_made(path: str) -> bool:
    """Whether git ignores a path: then a command makes it."""
    return subprocess.run(["git", "check-ignore", "-q", path], cwd=ROOT, check=False).returncode == 0


def test_paths_exist(named):
    def exists(name: Name) -> bool:
        path = re.sub(r"\{([^}]*)\}", "*", name.text)
        where = (ROOT, name.page.parent)
        return any(list(each.glob(path.rstrip("/"))) for each in where) or is_made(path)

    fail_for([name for name in named.paths if not exists(name)], "paths")


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_somewhere(named):
    def leads(name: Name) -> bool:
        target, _, anchor = name.text.partition("#")
        file = (name.page.parent / target) if target else name.page
        return file.exists() and (not anchor or anchor in anchors(file))

    fail_for([name for name in named.links if not leads(name)], "links")


def test_modules_exist(named):
    known = modules()

    def exists(name: Name) -> bool:
        if name.text.startswith("tests."):
            path = ROOT / name.text.replace(".", "/")
            return path.is_dir() or path.with_suffix(".py").exists()
        module, _, member = name.text.rpartition(".")
        if name.text in known or is_setting(name.text):
            return True
        defined = re.compile(rf"^(?:(?:async )?def|class) {member}\b|^{member}\b", re.MULTILINE)
        return module in known and defined.search(known[module].read_text()) is not None

    fail_for([name for name in named.modules if not exists(name)], "modules")


def is_setting(dotted: str) -> bool:
    here = SETTINGS
    for key in dotted.split("."):
        if not isinstance(here, dict) or key not in here:
            return isinstance(here, dict) and key == "null"
        here = here[key]
    return True


def test_settings_exist(named):
    meant = [name for name in named.settings if name.text.partition(".")[0] in SETTINGS]
    fail_for([name for name in meant if not is_setting(name.text)], "settings")


def unknown(command: str) -> str | None:
    """The first word of a command line that the command does not know."""
    here: click.Command = spillway
    context = click.Context(here)
    options = {option for parameter in here.params for option in (*parameter.opts, *parameter.secondary_opts)}
    takes_value = False
    for word in words_of(command)[1:]:
        if takes_value:
            takes_value = False
        elif word.startswith("-") and len(word) > 1 and not word.lstrip("-")[:1].isdigit():
            option = word.partition("=")[0]
            if option not in options | {"--help", "-h", "--version"}:
                return word
            parameter = next((each for each in here.params if option in (*each.opts, *each.secondary_opts)), None)
            takes_value = isinstance(parameter, click.Option) and not parameter.is_flag and "=" not in word
        elif isinstance(here, click.Group):
            if "|" in word or PLACEHOLDERS.search(word):
                return None
            found = here.get_command(context, word)
            if found is None:
                return word
            here = found
            options = {option for parameter in here.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return None


def test_commands_and_their_options_exist(named):
    wrong = [(name, word) for name in named.commands if (word := unknown(name.text)) is not None]
    assert not wrong, "; ".join(f"{name}: unknown {word!r}" for name, word in wrong)


def all_options(command: click.Command) -> set[str]:
    """The options of a command and of every command below it."""
    found = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    if isinstance(command, click.Group):
        context = click.Context(command)
        below = (command.get_command(context, name) for name in command.list_commands(context))
        found = found.union(*(all_options(each) for each in below if each is not None))
    return found


def test_options_in_the_text_exist(named):
    known = all_options(spillway) | OTHER_PROGRAMS
    fail_for([name for name in named.options if name.text not in known], "options")


def test_make_targets_exist(named):
    fail_for([name for name in named.targets if name.text not in TARGETS], "make targets")


def test_a_wrong_name_of_each_kind_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "See `archive/none.py`, [there](none.md), `producers.none`, `stream.none`, `make nothing`, `--nothing`.\n\n"
        "```console\n$ spillway query --none\n$ spillway none\n```\n"
    )
    found = names(page)
    kinds = (found.paths, found.links, found.modules, found.settings, found.targets, found.options)
    assert [[name.text for name in kind] for kind in kinds] == [
        ["archive/none.py"], ["none.md"], ["producers.none"], ["stream.none"], ["nothing"], ["--nothing"],
    ]  # fmt: skip
    assert [unknown(name.text) for name in found.commands] == ["--none", "none"]
    assert not is_setting("stream.none")
    checks = (test_paths_exist, test_links_lead_somewhere, test_modules_exist, test_settings_exist)
    for check in (*checks, test_make_targets_exist, test_options_in_the_text_exist):
        with pytest.raises(AssertionError, match="do not exist"):
            check(found)


def test_the_docs_name_some_of_each_kind():
    everything = [names(page) for page in PAGES]
    for kind in ("paths", "links", "modules", "settings", "commands", "targets", "options"):
        assert sum(len(getattr(each, kind)) for each in everything) > 5, kind


DOTTED = re.compile(r"(?<![\w./-])((?:producers|consumers|archive|infra|tests)(?:\.[A-Za-z_]\w*)+)")
SNAKE = re.compile(r"`([a-z]+(?:_[a-z0-9]+)+)`")
SOURCES = [path for folder in (*LAYERS, "tests") for path in sorted((ROOT / folder).rglob("*.py"))]


def prose_of(path: Path) -> str:
    """The docstrings and comments of a module."""
    text = path.read_text(encoding="utf-8")
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    docstrings = [ast.get_docstring(node) or "" for node in ast.walk(ast.parse(text)) if isinstance(node, documented)]
    return "\n".join([*comments, *docstrings])


def defines(module: str, member: str) -> bool:
    """Whether a module has a name at its top, its own or imported."""
    if module not in modules():
        return False
    pattern = rf"^(?:(?:async )?def|class|from .* import.*|import) *{member}\b|^{member}\b"
    return re.search(pattern, modules()[module].read_text(encoding="utf-8"), re.MULTILINE) is not None


def is_known(dotted: str) -> bool:
    """Whether a dotted name is a module, a name in one, a member of that, a test module, or a setting."""
    if dotted.startswith("tests."):
        parts = dotted.split(".")
        places = [ROOT.joinpath(*parts[:end]) for end in (len(parts), len(parts) - 1)]
        return any(place.with_suffix(".py").exists() or place.is_dir() for place in places)
    head, _, last = dotted.rpartition(".")
    before, _, middle = head.rpartition(".")
    return dotted in modules() or defines(head, last) or defines(before, middle) or is_setting(dotted)


def test_docstrings_and_comments_name_modules_that_exist():
    wrong = [
        f"{path.relative_to(ROOT)}: {dotted}"
        for path in SOURCES
        for dotted in DOTTED.findall(prose_of(path))
        if not is_known(dotted) and not dotted.endswith((".py", ".yaml"))
    ]
    assert not wrong


@functools.cache
def words_of_the_code() -> frozenset[str]:
    """Every identifier of the code, and every word of its other files, but for comments and docstrings."""
    found: set[str] = set()
    for path in SOURCES:
        for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
            if token.type == tokenize.NAME or (token.type == tokenize.STRING and not token.string.startswith('"""')):
                found.update(re.findall(r"\w+", token.string))
        found.update(path.relative_to(ROOT).with_suffix("").parts)
    for kind in ("*.yaml", "*.json", "*.tf", "*.sql", "*.toml", "*.js"):
        for path in (ROOT / "infra").rglob(kind):
            found.update(re.findall(r"\w+", path.read_text(encoding="utf-8")))
    return frozenset(found)


def test_docstrings_and_comments_name_identifiers_that_exist():
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in SOURCES
        for name in SNAKE.findall(prose_of(path))
        if name not in words_of_the_code()
    ]
    assert not wrong


def test_a_stale_name_in_a_docstring_or_a_comment_is_found(tmp_path):
    module = tmp_path / "module.py"
    module.write_text('"""See infra.local.gone and `infra.names.Names`."""\n\nx = 1  # as `gone_for_good` does\n')
    assert DOTTED.findall(prose_of(module)) == ["infra.local.gone", "infra.names.Names"]
    assert not is_known("infra.local.gone")
    assert not is_known("tests.gone.for_good")
    assert is_known("infra.names.Names")
    assert SNAKE.findall(prose_of(module)) == ["gone" + "_for_good"]
