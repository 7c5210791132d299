# SPDX-License-Identifier: Apache-2.0
"""How many requests a task sends to a store, by verb: two writes a created day, one read an unchanged one."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from airflow_provider_aianalytics.coverage.survey import Range, survey
from airflow_provider_aianalytics.ingest.result import IngestResult
from airflow_provider_aianalytics.simulator import Simulator
from airflow_provider_aianalytics.storage.store import ObjectStore
from tests.stores.conftest import ProxiedStoreOf
from tests.stores.locations import NOW, Lander
from tests.stores.proxy import StoreProxy
from tests.support import DAY

END = NOW.date() - DAY
START = END - 30 * DAY


class CountedLander:
    """Lands the days of a report through a proxy that counts the requests to the store."""

    def __init__(self, lander: Lander, proxy: StoreProxy) -> None:
        self._lander = lander
        self._proxy = proxy
        self.url = lander.store.url

    def land(self, start: date = START, **options: object) -> tuple[IngestResult, Counter[str]]:
        self._proxy.requests.clear()
        result = self._lander.land("cost_report", start, END, **options)
        return result, self.requests

    def cover(self) -> Counter[str]:
        self._proxy.requests.clear()
        (table,) = survey(self.url, days=Range(now=NOW))
        assert len(table.landed) == 30
        return self.requests

    @property
    def requests(self) -> Counter[str]:
        return Counter(self._proxy.requests)

    @property
    def most_at_once(self) -> int:
        return self._proxy.most_at_once


@pytest.fixture
def lander(simulator: Simulator, proxied_store_of: ProxiedStoreOf) -> CountedLander:
    return counted("s3", simulator, proxied_store_of)


def counted(name: str, simulator: Simulator, proxied_store_of: ProxiedStoreOf) -> CountedLander:
    store, proxy = proxied_store_of(name)
    return CountedLander(Lander(simulator, store), proxy)


def statuses(result: IngestResult) -> Counter[str]:
    return Counter(partition.status for partition in result.partitions)


def test_created_days_cost_two_writes_each(lander: CountedLander) -> None:
    result, requests = lander.land()

    assert statuses(result) == {"created": 30}
    # The manifests, the data, the unfinished pages, the claims before the run's own claim, and after it.
    assert requests == {"PUT": 2 * 30 + 1, "LIST": 5}
    assert requests.total() <= 2.2 * 30


def test_created_days_of_a_table_that_has_others_cost_two_writes_each(lander: CountedLander) -> None:
    lander.land(END - DAY)

    result, requests = lander.land()

    assert statuses(result) == {"created": 29, "unchanged": 1}
    assert requests == {"PUT": 2 * 29, "GET": 1, "LIST": 4}


@pytest.mark.parametrize("keep_revisions", [True, False])
def test_unchanged_days_cost_one_read_each(lander: CountedLander, keep_revisions: bool) -> None:
    lander.land(START - 5 * DAY)

    result, requests = lander.land(keep_revisions=keep_revisions)

    assert statuses(result) == {"unchanged": 30}
    assert requests == {"GET": 30, "LIST": 3}
    assert requests.total() <= 1.2 * 30


def test_revised_days_cost_one_read_and_three_writes_each(lander: CountedLander, simulator: Simulator) -> None:
    lander.land()
    simulator.advance(DAY)

    result, requests = lander.land()

    revised = statuses(result)["revised"]
    assert revised > 20
    # A day that became final gets another manifest.
    became_final = requests["PUT"] - 3 * revised
    assert became_final in (0, 1, 2)
    assert requests == {"GET": 30, "PUT": 3 * revised + became_final, "LIST": 4}
    assert requests.total() <= 5 * 30


def test_revised_days_without_revisions_cost_one_read_and_two_writes_each(
    lander: CountedLander, simulator: Simulator
) -> None:
    lander.land()
    simulator.advance(DAY)

    result, requests = lander.land(keep_revisions=False)

    became_final = requests["PUT"] - 2 * statuses(result)["revised"]
    assert became_final in (0, 1, 2)
    assert requests["GET"] == 30
    assert requests["LIST"] == 4
    assert set(requests) == {"GET", "PUT", "LIST"}


def test_days_are_committed_side_by_side(lander: CountedLander) -> None:
    lander.land()

    assert 2 < lander.most_at_once <= ObjectStore.at_once


def test_coverage_costs_a_list_and_a_read_a_table_once_its_manifests_were_read(lander: CountedLander) -> None:
    lander.land()

    # The lake, its vendor and the table are listed.
    assert lander.cover() == {"LIST": 3, "GET": 30, "PUT": 1}
    assert lander.cover() == {"LIST": 3, "GET": 1}


@pytest.mark.parametrize(
    ("name", "write", "lists"),
    [
        ("abfs", "PUT", (5, 3, 4)),
        ("gs", "POST", (9, 4, 6)),  # gcsfs lists an empty folder twice
    ],
)
def test_other_stores_cost_as_few(
    name: str,
    write: str,
    lists: tuple[int, int, int],
    simulator: Simulator,
    proxied_store_of: ProxiedStoreOf,
) -> None:
    lander = counted(name, simulator, proxied_store_of)

    assert lander.land()[1] == {write: 2 * 30 + 1, "LIST": lists[0]}
    assert lander.land()[1] == {"GET": 30, "LIST": lists[1]}

    simulator.advance(DAY)
    result, requests = lander.land()

    revised = statuses(result)["revised"]
    assert revised > 20
    became_final = requests[write] - 3 * revised
    assert became_final in (0, 1, 2)
    assert requests == {"GET": 30, write: 3 * revised + became_final, "LIST": lists[2]}
    assert requests.total() <= 5 * 30
