"""Names follow from the environment and the account."""

from infra.names import Names


def test_names_are_those_of_the_design():
    names = Names("prod-eu", "123456789012")
    assert names.stream == names.table == "spillway-prod-eu-events"
    assert names.delivery_stream == "spillway-prod-eu-archive"
    assert names.dead_letter_queue == "spillway-prod-eu-dead-letters"
    assert names.parked_queue == "spillway-prod-eu-dead-letters-parked"
    assert names.lake_bucket == "spillway-prod-eu-lake-123456789012"
    assert names.dead_letter_bucket == "spillway-prod-eu-dead-letters-123456789012"
    assert names.athena_bucket == "spillway-prod-eu-athena-123456789012"
    assert names.database == "spillway_prod_eu"
    assert names.function("consumers.table_writer") == "spillway-prod-eu-table-writer"
