"""Settings: read from one file, checked, merged for the environment."""

import msgspec
import pytest
import yaml

from infra.settings import PIPELINE_FILE, SettingsError, environments, load


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


def test_another_file_is_laid_over_pipeline_yaml(tmp_path):
    path = tmp_path / "few.yaml"
    path.write_text("stream: {shards: 7}\nenvironments: {local: {archive: {buffer_seconds: 5}}}\n")
    settings = load("local", path)
    assert (settings.stream.shards, settings.archive.buffer_seconds) == (7, 5)
    assert settings.archive.transform_buffer_seconds == load("local").archive.transform_buffer_seconds
    assert settings.http == load("local").http


@pytest.mark.parametrize("value", ["off", "aws"])
def test_the_limits_are_written_as_the_file_documents_them(tmp_path, value):
    path = tmp_path / "few.yaml"
    path.write_text(f"local: {{limits: {value}}}\n")
    assert load("local", path).local.limits == value


def test_true_and_false_are_the_only_booleans(tmp_path):
    path = tmp_path / "few.yaml"
    path.write_text("scaling: {enabled: true}\n")
    assert load("prod", path).scaling.enabled is True
    path.write_text("scaling: {enabled: yes}\n")
    with pytest.raises(SettingsError, match="enabled"):
        load("prod", path)


@pytest.mark.parametrize(("over", "is_refused"), [(-1, False), (0, False), (1, True)])
def test_a_record_age_over_the_retention_is_refused(tmp_path, over, is_refused):
    path = tmp_path / "few.yaml"
    path.write_text(
        f"stream: {{retention_hours: 30}}\ntable_writer: {{maximum_record_age_seconds: {30 * 3600 + over}}}\n"
    )
    if is_refused:
        with pytest.raises(SettingsError, match="maximum_record_age_seconds is 108,001, over the 108,000"):
            load("prod", path)
    else:
        assert load("prod", path).table_writer.maximum_record_age_seconds == 108_000 + over


def test_the_environments_that_are_known():
    assert {"local", "dev", "prod"} <= environments()
    assert "nosuch" not in environments()


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
def test_an_invalid_setting_is_reported_with_its_place(tmp_path, sections, message):
    with pytest.raises(SettingsError, match=message) as refused:
        load("local", changed(tmp_path, **sections))
    assert "pipeline.yaml" in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "a: [",
    ],
)
def test_a_file_that_is_not_settings_is_reported(tmp_path, text):
    path = tmp_path / "pipeline.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"pipeline\.yaml"):
        load("local", path)


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(SettingsError, match="absent"):
        load("local", tmp_path / "absent.yaml")


def test_every_setting_can_be_shown_as_json():
    assert msgspec.json.decode(msgspec.json.encode(load("local")))["stream"]["shards"] == load("local").stream.shards
