"""Drawings of chapter 1: they show the record that they are given, or say that it is another's."""

from __future__ import annotations

import pytest
from matplotlib import pyplot as plt

from fairtut.chapters.frtrain import drawings
from fairtut.errors import RecordError
from fairtut.page.results import Record


def test_real_panels_draw_what_the_record_measures() -> None:
    record = Record(chapter="frtrain", preset="laptop", data="real")
    for training, values in (("clean", [0.68, 0.7, 0.69]), ("poisoned", [0.5, 0.6, 0.7])):
        record.measure(f"real.compas.table.{training}.lr.acc", values, n=500, unit="fraction")
    figure = drawings.real_panels(record, ["compas", "adult"], ["lr"])
    drawn = [line.get_xdata() for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [float(x[0]) for x in drawn] == [pytest.approx(0.69)]
    assert not figure.axes[1].lines
    plt.close(figure)


def test_real_panels_refuse_a_record_of_another_chapter() -> None:
    record = Record(chapter="lassi", preset="laptop", data="real")
    record.measure("table1.pale.naive.acc", 0.9, n=300, unit="fraction")
    with pytest.raises(RecordError, match=r"lassi.*measures nothing on compas"):
        drawings.real_panels(record, ["compas"], ["lr"])
