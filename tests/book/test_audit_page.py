"""The page of an audit in a browser: a phone shows it without sideways scrolling or an error."""

import numpy as np
import pytest

from fairtut.audit import Limit, audit, sheet

pytestmark = [pytest.mark.book, pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_an_audit_on_a_phone(driver, tmp_path, mode):
    rng = np.random.default_rng(0)
    s, y = rng.choice(["a long name of a group", "m"], 600), rng.integers(0, 2, 600)
    score = 0.5 * rng.random(600) + 0.3 * y
    found = audit(y, (score > 0.4).astype(int), s, score=score, limits=[Limit("deo", 0.1)])
    page = tmp_path / "audit.html"
    page.write_text(sheet(found, title="p.csv"), encoding="utf-8")
    media = {"features": [{"name": "prefers-color-scheme", "value": mode}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        driver.get(page.as_uri())
        assert driver.execute_script("return document.documentElement.scrollWidth") <= 390
        assert driver.get_log("browser") == []
        colours = "const c = getComputedStyle(document.body); return [c.color, c.backgroundColor]"
        ink, ground = driver.execute_script(colours)
        assert (ground == "rgb(18, 18, 18)") == (mode == "dark") and ink != ground
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
