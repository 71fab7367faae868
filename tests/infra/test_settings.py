"""Settings: read from one file, checked, merged for the environment."""

import msgspec
import pytest
import yaml

from infra.settings import PIPELINE_FILE, SettingsError, load


def changed(tmp_path, **sections):
    """pipeline.yaml with some settings changed; its path."""
    document = yaml.safe_load(PIPELINE_FILE.read_text())
    for name, values in sections.items():
        document[name] = {**document.get(name, {}), **values} if isinstance(values, dict) else values
    path = tmp_path / "pipeline.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.mark.parametrize("environment", ["local", "dev", "prod"])
def test_the_file_as_it_stands_is_good_for_every_environment(environment):
    settings = load(environment)
    assert settings.http.rate_per_second == 100
    assert settings.http.burst == 50
    assert settings.table_writer.maximum_retry_attempts == 20


def test_an_environments_section_is_laid_over_the_rest(tmp_path):
    path = changed(tmp_path, environments={"prod": {"stream": {"shards": 16}}})
    assert load("prod", path).stream.shards == 16
    assert load("dev", path).stream.shards == load("dev").stream.shards
    assert load("prod", path).stream.retention_hours == load("dev").stream.retention_hours


@pytest.mark.parametrize(("environment", "stage"), [("dev", "dev"), ("prod", "prod"), ("local", "dev")])
def test_the_stage_is_called_as_the_environment_unless_it_is_named(environment, stage):
    assert load(environment).http.stage == stage


def test_settings_can_not_be_changed_by_those_who_read_them():
    with pytest.raises(AttributeError):
        load("local").stream.shards = 3  # type: ignore[misc] # the point of the test


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"stream": {"shards": 0}}, r"\$\.stream\.shards"),
        ({"stream": {"shard": 1}}, "shard"),
        ({"http": {"max_event_bytes": 500_000}}, r"\$\.http\.max_event_bytes"),
        ({"archive": {"buffer_mib": 32}}, r"\$\.archive\.buffer_mib"),
        ({"stream": {"partition_key": "user_id"}}, r"\$\.stream\.partition_key"),
        ({"local": {"limits": "none"}}, r"\$\.local\.limits"),
        ({"unknown": {}}, "unknown"),
        ({"http": {"allowed_cidrs": ["203.0.113.1/24"]}}, "203.0.113.1/24 has host bits set"),
        ({"http": {"cors_origins": ["example.com"]}}, r"\$\.http\.cors_origins"),
        ({"scaling": {"up_above": 0.5}}, r"have to rise - at `\$\.scaling`"),
        ({"scaling": {"minimum_shards": 20}}, r"over maximum_shards - at `\$\.scaling`"),
        ({"region": 3}, r"\$\.region"),
    ],
)
def test_a_setting_that_can_not_be_used_is_told_with_its_place(tmp_path, sections, message):
    with pytest.raises(SettingsError, match=message) as refused:
        load("local", changed(tmp_path, **sections))
    assert "pipeline.yaml" in str(refused.value)


@pytest.mark.parametrize("text", ["", "[]", "a: [", "region: eu-west-2"])
def test_a_file_that_is_no_settings_is_told(tmp_path, text):
    path = tmp_path / "pipeline.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"pipeline\.yaml"):
        load("local", path)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(SettingsError, match="absent"):
        load("local", tmp_path / "absent.yaml")


def test_every_setting_can_be_told_as_json():
    assert msgspec.json.decode(msgspec.json.encode(load("local")))["stream"]["shards"] == load("local").stream.shards
