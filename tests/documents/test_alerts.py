"""Alerts of `deploy/alerts.yml`: what raises each and what does not, by Prometheus itself."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.deploy_files import DEPLOY

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed"
)

SCRAPED = 'job="gallery",instance="server:8470"'
# What a series is at each scrape, four a minute: `_` is none, and `a+bxn` adds b to a, n times.
RAISED = {
    "GalleryDown": (f"up{{{SCRAPED}}}", "1x8 0x8"),
    "GalleryFailing": (
        f'gallery_http_requests_total{{{SCRAPED},method="GET",route="/galleries",status="500"}}',
        "_x12 1x8",
    ),
    "GalleryBusy": (
        f'gallery_http_requests_total{{{SCRAPED},method="GET",route="/galleries",status="503"}}',
        "0+3x60",
    ),
    "GalleryIntruder": (
        f'gallery_http_requests_total{{{SCRAPED},method="GET",route="/galleries",status="403"}}',
        "0+20x60",
    ),
    "GallerySearchesSlow": (f'gallery_search_seconds_bucket{{{SCRAPED},le="+Inf"}}', "0+1x80"),
    "GalleryCacheTooSmall": (f"gallery_block_cache_evictions_total{{{SCRAPED}}}", "0+30x180"),
}
QUIET = {
    "GalleryDown": (f"up{{{SCRAPED}}}", "1x60"),
    # An old failure: it was told at its time.
    "GalleryFailing": (
        f'gallery_http_requests_total{{{SCRAPED},method="GET",route="/galleries",status="500"}}',
        "1x60",
    ),
    "GalleryBusy": (
        f'gallery_http_requests_total{{{SCRAPED},method="GET",route="/galleries",status="503"}}',
        "0+1x60",
    ),
    "GalleryIntruder": (
        f'gallery_http_requests_total{{{SCRAPED},method="GET",route="/galleries",status="401"}}',
        "0+2x60",
    ),
    "GallerySearchesSlow": (f'gallery_search_seconds_bucket{{{SCRAPED},le="+Inf"}}', "0+1x80"),
    "GalleryCacheTooSmall": (f"gallery_block_cache_evictions_total{{{SCRAPED}}}", "0+3x180"),
}


def rules() -> dict[str, Any]:
    (group,) = yaml.safe_load((DEPLOY / "alerts.yml").read_text("utf-8"))["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def series_of(name: str, raised: bool) -> list[dict[str, str]]:
    series, values = (RAISED if raised else QUIET)[name]
    listed = [{"series": series, "values": values}]
    if name == "GallerySearchesSlow":
        quick = "0+0x80" if raised else "0+1x80"
        listed.append({"series": series.replace("+Inf", "5.0"), "values": quick})
        listed.append({"series": series.replace("+Inf", "10.0"), "values": "0+1x80"})
    return listed


def minutes(values: str) -> int:
    """Return when the last scrape is, in whole minutes."""
    return sum(int(part.partition("x")[2]) for part in values.split()) // 4


def expected(name: str, raised: bool) -> dict[str, Any]:
    """Return what promtool is to find at the end of a series."""
    rule = rules()[name]
    labels = {"job": "gallery", "instance": "server:8470"}
    summed = "sum" in rule["expr"]
    alert = {"exp_labels": {} if summed else labels, "exp_annotations": rule["annotations"]}
    return {
        "eval_time": f"{minutes((RAISED if raised else QUIET)[name][1])}m",
        "alertname": name,
        "exp_alerts": [alert] if raised else [],
    }


def test_every_alert_is_tried() -> None:
    assert set(RAISED) == set(QUIET) == set(rules())


@needs_promtool
@pytest.mark.parametrize("raised", [True, False], ids=["raised", "quiet"])
def test_alerts_are_raised_when_they_should_be(raised: bool, tmp_path: Path) -> None:
    cases = {
        "rule_files": [str(DEPLOY / "alerts.yml")],
        "evaluation_interval": "15s",
        "tests": [
            {
                "name": name,
                "interval": "15s",
                "input_series": series_of(name, raised),
                "alert_rule_test": [expected(name, raised)],
            }
            for name in RAISED
        ],
    }
    (tmp_path / "cases.yml").write_text(yaml.safe_dump(cases), "utf-8")

    done = subprocess.run(
        ["promtool", "test", "rules", str(tmp_path / "cases.yml")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_prometheus_reads_its_configuration() -> None:
    done = subprocess.run(
        ["promtool", "check", "config", str(DEPLOY / "prometheus.yml")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
