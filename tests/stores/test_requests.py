# SPDX-License-Identifier: Apache-2.0
"""How many requests a task sends to S3, by verb: two writes a created day, one read an unchanged one, few listings."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from airflow_provider_aianalytics.ingest.result import IngestResult
from airflow_provider_aianalytics.simulator import Simulator
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

    def land(self, start: date = START, **options: object) -> tuple[IngestResult, Counter[str]]:
        self._proxy.requests.clear()
        result = self._lander.land("cost_report", start, END, **options)
        return result, Counter(self._proxy.requests)


@pytest.fixture
def lander(simulator: Simulator, proxied_store_of: ProxiedStoreOf) -> CountedLander:
    store, proxy = proxied_store_of("s3")
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
    assert requests == {"GET": 30, "LIST": 3 if keep_revisions else 4}
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
