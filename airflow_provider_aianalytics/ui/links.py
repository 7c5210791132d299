# SPDX-License-Identifier: Apache-2.0
"""The links of a task in Airflow's UI: to the landed data, and to the vendor's page with the same figures.

Airflow 2 asks a link for its URL whenever the page is shown, Airflow 3 once, in the worker when the task is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperatorLink

from airflow_provider_aianalytics.vendors.base import Vendor
from airflow_provider_aianalytics.vendors.registry import VENDORS

if TYPE_CHECKING:
    from airflow_provider_aianalytics.storage.lake import LakeTable

LANDED_URL_KEY = "_link_LandedLink"
"""The key of the XCom with the URL, which Airflow 3 itself uses for :class:`LandedLink`."""


class LandedLink(BaseOperatorLink):
    """To the manifest of the day that was landed or, for several, to the folder of the table's manifests."""

    name = "Landed manifests"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        # On the worker, read the attribute: Airflow 3 logs an error for an XCom that does not exist.
        page: str | None = getattr(operator, "manifest_url", None)
        if page is not None:
            return page
        from airflow.providers.common.compat.sdk import XCom

        return XCom.get_value(ti_key=ti_key, key=LANDED_URL_KEY) or ""


class VendorLink(BaseOperatorLink):
    """To the vendor's own page with these figures, for people to compare."""

    vendor: ClassVar[Vendor]

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        return self.vendor.analytics_url


def vendor_link(vendor: Vendor) -> VendorLink:
    """The link of a vendor's tasks."""
    link: VendorLink = globals()[vendor.link_class]()
    return link


# One class a vendor: Airflow 2 finds a link by the path of its class, and calls it without the operator's class.
for _vendor in VENDORS.values():
    globals()[_vendor.link_class] = type(
        _vendor.link_class,
        (VendorLink,),
        {"__module__": __name__, "name": f"{_vendor.short_title}'s own analytics", "vendor": _vendor},
    )


def landed_url(table: LakeTable, days: Sequence[date]) -> str:
    """The URL for :class:`LandedLink`, empty where no browser can open one.

    :param days: the days that are there now, ascending.
    """
    from airflow_provider_aianalytics.lineage.locations import location_of

    if not days:
        return ""
    lake = location_of(table.root)
    newest = lake / table.manifest_file(days[-1])
    folder = lake / table.manifest_file(days[-1]).rpartition("/")[0]
    return (folder.folder_console_url() if len(days) > 1 else "") or newest.console_url()
