"""Every bug that can be planted, by name."""

from collections.abc import Callable
from typing import Final

from tests.simulation import bugs_of_carrying, bugs_of_keeping
from tests.simulation.plan import Kind

BUGS: Final[dict[str, Callable[[], None]]] = {
    bug.__name__: bug for bug in (*bugs_of_carrying.BUGS, *bugs_of_keeping.BUGS)
}
# The action without which a bug's code is not run.
NEEDED: Final[dict[str, Kind]] = {
    bugs_of_carrying.poison_is_not_sent.__name__: "poison",
    bugs_of_carrying.unsent_dead_letters_are_not_reported.__name__: "poison",
    bugs_of_carrying.a_shard_ends_with_records_held.__name__: "reshard",
    bugs_of_keeping.a_checkpoint_is_kept_before_the_write.__name__: "post",
    bugs_of_keeping.children_are_read_before_their_parents.__name__: "reshard",
    bugs_of_keeping.a_hash_range_is_off_by_one.__name__: "reshard",
    bugs_of_keeping.a_resumed_load_has_new_keys.__name__: "load",
    bugs_of_keeping.a_load_notes_a_batch_before_it_is_answered.__name__: "load",
    bugs_of_keeping.the_journal_of_a_replay_is_written_after_the_put.__name__: "replay",
    bugs_of_keeping.the_lease_of_a_replay_is_not_checked.__name__: "replay",
    bugs_of_keeping.compaction_leaves_out_an_object.__name__: "compact",
    bugs_of_keeping.compaction_keeps_every_copy.__name__: "compact",
    bugs_of_keeping.compaction_replaces_the_manifest_of_another_run.__name__: "compact",
}
