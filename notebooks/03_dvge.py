# ---
# jupyter:
#   accelerator: GPU
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # DVGE: which gradient, and which sign?
#
# [Open this chapter in Colab](https://colab.research.google.com/github/fairtut/fairtut/blob/main/notebooks/03_dvge.ipynb)
# (a laptop takes less than ten minutes).
#
# An encoder turns a face into ten numbers, once and for all. Many tasks use these numbers, and each has its own
# idea of which group must not matter. Retraining the encoder for every task and group is expensive. Zhang and
# colleagues proposed in 2023 {cite}`zhang2023dvge` to leave the encoder alone, and to move its *codes* along the gradients
# of two small classifiers while the task is learned. They call it *debiasing via gradient-based
# explanation*, DVGE.
#
# The idea is elegant and its one formula has a hole: it does not say *what* is differentiated. The slides
# suggest one reading, the released code has another, and the two point in opposite directions. This chapter
# runs four readings and lets the paper's own ablation decide. **Which reading makes the slides' tables
# come out? And does a front of the method beat what costs nothing?**

# %% tags=["hide-input"]
import subprocess
import sys

if "google.colab" in sys.modules:  # elsewhere the package is already there
    source = "fairtut[peers] @ git+https://github.com/fairtut/fairtut"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", source], check=True)

# %% tags=["parameters", "hide-input"]
preset = "laptop"  # "smoke": a minute in CI; "laptop": these pages; "paper": one GPU
data = "synthetic"  # or "real": CelebA and South German Credit
seed = 0
results_dir = "results"

# %% tags=["hide-input"]
from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from fairtut.chapters import dvge as study
from fairtut.chapters.dvge import drawings
from fairtut.chapters.dvge.opening import CHAPTER
from fairtut.data import images
from fairtut.data.synthetic import faces
from fairtut.methods import dvge, latent
from fairtut.methods.dvge.focus import focus
from fairtut.metrics import equal_opportunity_gap, joint_tp_gap
from fairtut.page import controls, plots, tables
from fairtut.page.effects import Effects
from fairtut.page.figures import show
from fairtut.page.prose import say
from fairtut.page.results import load_claims, load_records, of_chapter
from fairtut.page.source import source_of
from fairtut.runtime.stopwatch import clock

(preset, data, seed, results_dir), cfg, record, device = CHAPTER.open(
    preset, data, seed, results_dir
)
real = data == "real"
plots.use_style()

# %% [markdown]
# **Before you go on.** "Male", "Young" and "Attractive" are labels that strangers gave to photographs; the page
# *Faces are not labels* says why they are not facts. Every face on this page is drawn by a program.
#
# ## The claim in one picture
#
# The slides measure how much a *fresh* classifier still learns about the group from codes that DVGE has
# moved. Nothing in this picture is ours.

# %% tags=["hide-input"]
claims = load_claims("dvge")
published = {c.id: c.value for c in claims if c.id.startswith("table")}
tenths = [round(0.1 * i, 1) for i in range(1, 11)]
show(
    drawings.slides(published, tenths),
    name="claim",
    caption="Tables 1 and 2 of the slides: accuracy of sensitive classifiers trained on perturbed "
    "codes, by strength. Published numbers, one run each.",
    alt="Two panels. In both, two curves fall steeply with η₁ at first and then level off; from "
    "η₁ = .3 on they lie below both dashed lines, which show the removal of one dimension.",
)

# %% [markdown]
# The curves fall and level off, and from $\eta_1 = 0.3$ on they lie below the dashed lines, where the most sensitive dimension
# was simply set to zero.

# %% tags=["hide-input"]
expect = Effects(preset, data, seed)  # what this page says of a run is asserted where it is made
lines = {
    (t, e): np.array([published[f"{t}.{e}.{k}"] for k in ("none", *(f"eta{x}" for x in tenths))])
    for t in ("table1", "table2")
    for e in ("d", "n")
}
for (t, _), line in lines.items():
    assert line[3:].max() < min(published[f"{t}.{x}.removed"] for x in ("d", "n"))
    assert line[0] - line[5] > 2 * (line[5] - line[10])  # most of the fall is in the first half
apart = max(float(np.abs(lines[t, "d"] - lines[t, "n"]).max()) for t in ("table1", "table2"))
say(
    "Whether the encoder was trained to be disentangled makes little difference: the two curves of a panel are never "
    "more than {apart:.3f} apart.",
    apart=apart,
)

# %% [markdown]
# ## Notation, and the formula
#
# | symbol | meaning |
# |---|---|
# | $x$, $z = f(x)$ | input, and its code of ten numbers; $f$ is frozen |
# | $s$, $y$, $\hat y$ | sensitive attribute, label, decision |
# | $d$, $g$ | classifier of $s$ on codes, classifier of $y$ on codes |
# | $\eta_1$, $\eta_2$, $\epsilon$ | two strengths, and the bound of the clip |
#
# $$F_{sens} = \nabla_z d(z), \qquad F_{task} = \nabla_z g(z), \qquad
#   z' = z + \mathrm{Clip}_\epsilon\{\eta_1 F_{sens} - \eta_2 F_{task}\}$$
#
# $g$ learns on $z'$ and decides on $z$: at inference there is no perturbation, no $d$ and no $s$.

# %%
source_of(dvge.perturb)

# %% [markdown]
# The slides print the clip as "$v$ if $v > \epsilon$, else $\max(v, -\epsilon)$", which leaves every large positive
# entry as it is. Surely $\min(\max(v, -\epsilon), \epsilon)$ was meant. (The released code has no clip at all, and
# neither have our runs; $\epsilon$ is not given.)

# %%
v = torch.tensor([-3.0, -0.1, 0.1, 3.0])
for name, clip in (("printed:", dvge.clip_as_printed), ("meant:  ", dvge.clip)):
    print(name, [round(x, 2) for x in clip(v, 0.25).tolist()])
assert dvge.clip(v, 0.25).abs().max() <= 0.25 < dvge.clip_as_printed(v, 0.25).max()

# %% [markdown]
# ## Four readings of one nabla
#
# $d$ has two outputs, so "$\nabla_z d(z)$" is not one vector. The annotations of the slides ("focus less on sensitive
# information") fit the gradient of a *loss*: adding it makes $d$ less sure. The released code differentiates
# the *logit of the predicted class*: adding that makes $d$ more sure. For two classes they are tied together,
#
# $$\nabla_z \mathrm{CE}(d(z), p) = -(1 - P_p)\, \nabla_z(\ell_p - \ell_{1-p}),$$
#
# with $p$ the predicted class: opposite signs, as far as $\ell_p$ alone points where the difference of the two logits does. And a
# loss loses interest in people about whom $d$ is certain.

# %%
source_of(focus)

# %% [markdown]
# Two dimensions and some made-up people show what each reading does to a code; fifty of them are drawn.

# %%
rng = torch.Generator().manual_seed(seed)
who = (torch.rand(400, generator=rng) < 0.5).long()
flat = torch.randn(400, 2, generator=rng) * 0.8 + who[:, None] * torch.tensor([1.2, 0.6])
small = dvge.Config(hidden=(32,), batch=32, epochs=20, lr=1e-2)
toy = dvge.fit_classifiers(flat, who, small, [seed]).member(0)
flat, who = flat[:50], who[:50]
steps = {kind: focus(toy, flat, kind, who) for kind in dvge.FOCI}
with torch.no_grad():
    sure = toy(flat).softmax(1).amax(1)
opposite = float(((steps["loss_pred"] * steps["logit_pred"]).sum(1) < 0).float().mean())
aligned = float(torch.nn.functional.normalize(steps["logit_1"], dim=1).mean(0).norm())
print(f"loss and logit of the predicted class point apart for {opposite:.0%} of the people")

# %% tags=["hide-input"]
across, up = torch.meshgrid(*[torch.linspace(-2.5, 3.5, 200)] * 2, indexing="xy")
with torch.no_grad():
    out = toy(torch.stack([across.flatten(), up.flatten()], 1))
edge = (out[:, 1] - out[:, 0]).reshape(200, 200).abs().argmin(0)
show(
    drawings.arrows(
        flat.numpy(),
        who.numpy(),
        {k: (0.9 * f / f.norm(dim=1).max()).numpy() for k, f in steps.items()},
        torch.stack([across[0], up[:, 0][edge]], 1).numpy(),
    ),
    name="arrows",
    caption="Where +F moves the codes of 50 made-up people, under four readings; arrows are scaled "
    "to the longest of each panel. Dashed: where d is undecided.",
    alt="Four panels of points in two colours, with an arrow at each point and a dashed line where "
    "the classifier is undecided. With the loss of the predicted class arrows are long only near "
    "that line and point towards it; with the logit of the predicted class most point away from it.",
)

# %% [markdown]
# The first panel pulls people towards the line where $d$ cannot decide, the second pushes most of them away from it. The third moves
# nearly everybody in one direction. The fourth uses the true $s$, so the step itself gives $s$ away.

# %% tags=["hide-input"]
with torch.no_grad():  # a small step along the first reading
    after = toy(flat + 1e-3 * steps["loss_pred"]).softmax(1).amax(1)
lengths = steps["loss_pred"].norm(dim=1)
expect(
    (after <= sure + 1e-6).float().mean() > 0.9
    and lengths[sure < sure.median()].mean() > lengths[sure >= sure.median()].mean(),
    "the loss makes d less sure, and most of all about people near the line",
    "With this seed the loss does not make d less sure about nearly everybody.",
)
expect(
    opposite > 0.5,
    "the loss and the logit of the predicted class point apart for most people",
    "With this seed the loss and the logit of the predicted class do not point apart for most people.",
)
expect(
    aligned > 0.5,
    "the logit of class 1 moves nearly everybody in one direction",
    "With this seed the logit of class 1 moves people in several directions.",
)

# %% [markdown]
# ## The people and their codes
#
# The faces are drawn. Ten numbers hold what moves the most pixels, and that is light and background as much as
# the face: a classifier reads the drawn sex from them far better than by guessing, and far from perfectly. The credit applicants are invented, too,
# unless you ask for `data="real"`: then the faces are CelebA {cite}`liu2015` and the applicants South German Credit {cite}`groemping2019`.

# %%
crowd = faces.sample(cfg.faces, seed=seed, size=cfg.size, nuisance=cfg.nuisance, device=device)
people = images.load("celeba", size=cfg.size, device=device) if real else crowd.images
record.dataset(people.name, rows=len(people), digest=people.digest, source=people.source)
study.encoders.train_all(people, cfg)
encoders = {name: study.encoder(people, cfg, name) for name in ("n", "d")}
tasks = {name: study.task_of(people, name, cfg.most) for name in cfg.settings}
task = tasks[cfg.settings[0]]

# %% [markdown]
# Encoder N is a plain variational autoencoder {cite}`kingma2014vae`. Encoder D is a FactorVAE {cite}`kim2018factorvae`: a discriminator estimates
# the *total correlation* of the ten numbers, and the encoder is charged for it. What do the numbers mean? We take the mean code
# of the drawn test faces and walk along three dimensions.

# %% tags=["hide-input"]
codes = encoders["d"].z
spread = codes[task.train].std(0)
known = latent.correlations(codes[task.train], task.s[task.train])[0]
order = known.abs().argsort(descending=True)
walks = {}
for i in order[:3].tolist():
    walk = codes[task.train].mean(0).repeat(7, 1)
    walk[:, i] += torch.linspace(-2.5, 2.5, 7, device=device) * spread[i]
    with torch.no_grad():
        pictures = encoders["d"].model.decode(walk[None] * encoders["d"].scale).sigmoid()
    walks[f"dim {i} (r = {known[i]:+.2f})"] = pictures
if not real:  # no picture that was learned from photographs is shown
    show(
        drawings.pictures(walks),
        name="walks",
        caption="Walks along the three dimensions of encoder D that correlate most with the drawn "
        "sex (r), from -2.5 to 2.5 standard deviations. Decoded drawn faces.",
        alt="Three rows of seven blurred drawn faces, each row a walk along one dimension.",
    )
    say(
        "Along each row more than one thing changes: no single dimension *is* the drawn sex, and the most correlated one has "
        "|r| = {largest:.2f}.",
        largest=float(known.abs().max()),
    )

# %%
frame = pd.DataFrame(
    {
        "encoder": [name.upper() for name in encoders],
        "reconstruction, nats": [e.history[-1]["recon"] for e in encoders.values()],
        "KL, nats": [e.history[-1]["kl"] for e in encoders.values()],
        "largest |r| with s": [
            float(latent.correlations(e.z[task.train], task.s[task.train]).abs().max())
            for e in encoders.values()
        ],
    }
)
tables.table(frame.round(2), caption="The two encoders after training, one seed each.")

# %% [markdown]
# ## Tables 1 and 2, under every reading
#
# $d$ is trained on the codes, its focus moves training *and* test codes, and a fresh classifier learns from the moved
# ones. As in the slides, the number is the highest accuracy over its training. It can be scored on moved
# codes or on raw ones; the slides do not say. Four readings times two scores: eight conventions.

# %%
readings = {
    name: {e: study.ablation.read(study.encoders.codes(people, cfg, e), t, cfg) for e in ("n", "d")}
    for name, t in tasks.items()
}
rows = dict(
    zip(cfg.settings, ("table1", "table2") if real else ("faces", "faces.two"), strict=False)
)
for name, row in rows.items():
    for e, reading in readings[name].items():
        record.keep(study.ablation.measures(reading, f"{row}.{e}"))

# %% tags=["hide-input"]
headline = readings[cfg.settings[0]]
gone = float(np.mean([r.removed.mean() for r in headline.values()]))
show(
    drawings.conventions(
        {
            (f, p): study.ablation.frame(headline, f, p)
            for f in cfg.foci
            for p in ("perturbed", "raw")
        },
        {"larger group": headline["n"].majority, "dimension removed (mean)": gone},
        {}
        if not real
        else {
            e: [published[f"table1.{e}.none"], *[published[f"table1.{e}.eta{t}"] for t in tenths]]
            for e in ("d", "n")
        },
    ),
    name="conventions",
    caption=f"Accuracy of fresh sensitive classifiers, a panel per convention, {people.name}, "
    f"{study.SETTINGS[cfg.settings[0]].title}; n = {headline['n'].n} test people, means over "
    f"{cfg.seeds} seeds with 95 % t-intervals over seeds.",
    alt=f"{2 * len(cfg.foci)} panels of accuracy against η₁, each with a curve per encoder: scored on moved "
    "codes in the upper row, on raw codes in the lower. Grey lines show the larger group and the "
    "removal of a dimension.",
)
read = float(np.mean([r.none.mean() for r in headline.values()]))
expect(
    headline["n"].majority + 0.05 < read < 0.95,
    "a classifier reads the group far better than by guessing, and not perfectly",
    "From these codes the group is read hardly better than by guessing, or perfectly.",
)

# %% tags=["hide-input"]
row = rows[cfg.settings[0]]
last = cfg.etas[-1]
changes = {
    f"{drawings.FOCI[f]}, {text}": record.estimate(f"{row}.n.{f}.{p}.eta{last}.change")
    for f in cfg.foci
    for p, text in (("perturbed", "on z′"), ("raw", "on z"))
}
tables.table(
    pd.DataFrame({"convention": changes.keys(), "change of accuracy": map(str, changes.values())}),
    caption=f"Encoder N: accuracy at η₁ = {last} minus that on plain codes; t over {cfg.seeds} seeds.",
)

# %% [markdown]
# Read the first row of panels first. With the *loss of the predicted class* people meet at the line. On drawn faces accuracy hardly falls all the same: a step that is long enough for most also carries
# some *over* the line, where a fresh classifier finds them again. On photographs it falls all the way to $\eta_1 = 1$ (see the results at the end). With the *released*
# convention, the logit, it does not fall: pushing everybody away from the line moves nobody across it, so a fresh
# classifier reads $s$ as well as before. With the loss of the *true* label the moved code tells the label.
#
# In the second row a fall means that the classifier learned from one distribution and was used on another.
# That is a *shift*: the raw code still holds what it held.

# %% tags=["hide-input"]
at_one = {
    (f, e): record.estimate(f"{row}.{e}.{f}.perturbed.eta{last}.change").value
    for f in cfg.foci
    for e in ("d", "n")
}
for f, low, high, sentence in (
    ("loss_pred", -0.06, 0.03, "accuracy hardly falls on drawn faces"),
    ("logit_pred", -0.05, 0.03, "accuracy does not fall with the logit"),
    ("loss_true", 0.08, 1.0, "the true label's loss tells the label"),
):
    if f in cfg.foci and not real:
        known = [at_one[f, e] for e in ("d", "n")]
        expect(
            low < min(known) and max(known) < high,
            sentence,
            f"Not in this run, {drawings.FOCI[f]}: accuracy on z′ changes by {known[0]:+.3f} (D) "
            f"and {known[1]:+.3f} (N).",
            only="laptop",
        )

# %% [markdown]
# ### What does "less information" mean?
#
# A probe that saw *both* kinds of codes in training is not confused by the shift. If it reads $z'$ better than the probe that saw $z'$
# only, then the table measured confusion. If it does not, people really overlap in $z'$. And what does it read from raw codes?

# %% tags=["hide-input"]
probes = {
    text: record.estimate(f"{row}.n.loss_pred.{p}.eta{last}")
    for p, text in (
        ("perturbed", "trained on z′, scored on z′"),
        ("raw", "trained on z′, scored on z"),
        ("mixed-perturbed", "trained on both, scored on z′"),
        ("mixed-raw", "trained on both, scored on z"),
    )
} | {"trained on z, scored on z": record.estimate(f"{row}.n.none")}
show(
    plots.plot_bars_ci(probes, xlabel="accuracy of reading s", reference=headline["n"].majority),
    name="probes",
    caption=f"Encoder N, η₁ = {last}, loss of the predicted class: what different probes read. Bars "
    f"start at the share of the larger group; 95 % t-intervals over {cfg.seeds} seeds.",
    alt="Five bars, one for each probe: what the probe was trained on, and what it is scored on.",
)
both, alone = probes["trained on both, scored on z′"], probes["trained on z′, scored on z′"]
say(
    "From z′ the probe that saw both kinds reads {both}, the one that saw z′ only {alone}. From raw codes it reads {raw}, "
    "and a probe that knows nothing else {plain}.",
    both=both,
    alone=alone,
    raw=probes["trained on both, scored on z"],
    plain=probes["trained on z, scored on z"],
)
expect(
    both.value < alone.value + 0.03,
    "the probe that saw both kinds of codes reads no more from the moved ones",
    "In this run the probe that saw both kinds reads more from the moved codes: there was confusion.",
)

# %% [markdown]
# ## The step of training
#
# The task classifier has a second gradient to follow: its *own*. $F_{task}$ comes from $g$ as it is at that step, so the codes of a
# batch change while $g$ learns. We let $g$ learn for an epoch before $\eta_2$ counts.
#
# All pairs $(\eta_1, \eta_2)$ and all seeds train together: the weights of many small networks lie in one tensor.

# %%
from fairtut.methods.dvge import training

assert cfg.classifier.warmup == 1
source_of(training.Step.__call__)

# %% [markdown]
# ## Fronts
#
# One point per pair of strengths: no point is chosen on the people it is reported for. The front is chosen on validation
# people and drawn for test people. The rivals get as many settings as DVGE: ADT {cite}`ganin2016dann` trains an encoder against a reversed gradient,
# FFVAE {cite}`creager2019ffvae` reserves a dimension for each sensitive attribute, an FD-VAE-style model after {cite}`park2021fdvae` sorts information into three blocks, and *removal* sets the
# most correlated dimensions to zero. Controls: the constant, the mixing line, and a moved threshold.

# %% tags=["hide-input"]
sweep = cfg.sweep
assert {len(sweep.adt), len(sweep.ffvae), len(sweep.fdvae), len(sweep.removed)} == {
    len(sweep.chosen)
}
say(
    "**As many settings is not as much training.** ADT sees the training images {adt} times. FFVAE and the FD-VAE-style model "
    "start from the plain encoder, which saw them {vae} times, and see them {tuned} times more. The classifiers on codes, "
    "DVGE's and removal's among them, go over their codes {codes} times. Where DVGE beats one of these three, "
    "the rival may only have been trained too little.",
    adt=cfg.adt.epochs,
    vae=cfg.vae.epochs,
    tuned=cfg.tuned,
    codes=cfg.classifier.epochs,
)

# %% [markdown]
# **The protocol, whole.** A board takes one setting of images and runs everything on it: DVGE on the
# codes of both encoders, with removal as its control, then each rival with as many settings.

# %%
source_of(study.play)

# %%
boards = {name: study.play(people, t, cfg) for name, t in tasks.items()}
scores = {name: study.fronts.Scores(board) for name, board in boards.items()}
title = {name: f"celeba-{name}" if real else name for name in boards}
for name, one in scores.items():
    found = study.fronts.panels(one, title[name])
    if not real and name == cfg.settings[0]:
        found |= study.fronts.synthetic(found, name, "faces")
    record.keep(found)

# %% tags=["hide-input"]
first = cfg.settings[0]
score = scores[first]
methods = {
    "dvge-d": "DVGE-D",
    "dvge-n": "DVGE-N",
    "removed-n": "removal (N)",
    "adt": "ADT",
    "ffvae": "FFVAE",
    "fdvae": "FD-VAE-style",
}
y_test, s_test = task.people("test")
decided = {k: boards[first].decisions[k]["test"][:, 0] for k in ("plain-n", "threshold")}
grey = plots.controls(
    y_test,
    s_test,
    decided["threshold"].sum(0),  # of ascending cuts, how many a person passes: ranks the scores
    "demographic_parity_gap",
    y_hat=decided["plain-n"][0],
)
points = pd.DataFrame(study.fronts.table(score, methods, "dp"))

# %% tags=["hide-input"]
show(
    plots.plot_tradeoff(points, metric="demographic_parity_gap", fairness="gap", draw=None, **grey),
    name="fronts",
    caption=f"Fronts of {study.SETTINGS[first].title}: {len(cfg.sweep.chosen)} settings per method, "
    f"chosen on validation, drawn for n = {score.n} test people; means over {cfg.seeds} seeds, bars "
    "are 95 % bootstrap intervals over people. The grey controls start at plain N, first seed.",
    alt="Accuracy against the gap of demographic parity: a few points with wide bars for each method, "
    "a dotted line from the plain classifier to the constant one, and a dashed curve of moved "
    "thresholds.",
)
ends = np.sort(np.column_stack([grey["mixing"].fairness, grey["mixing"].accuracy]), axis=0)
above = points["accuracy"] > np.interp(points["gap"], *ends.T)
ours = points["method"].str.startswith("DVGE")
say(
    "Of the {n} points of DVGE {k} lie above the dotted mixing line, and of the {m} points of its rivals {j} (a point "
    "with a larger gap than the plain classifier is compared with that one).",
    n=int(ours.sum()),
    k=int((above & ours).sum()),
    m=int((~ours).sum()),
    j=int((above & ~ours).sum()),
)

# %% [markdown]
# The mixing line and the threshold are curves and a method has a few points, so they fill the plane better. Look at the distance, not only at the area.
#
# To compare fronts we need one number for each: the accuracy gained over the constant classifier, averaged over limits on
# the gap, from no gap at all to that of the plain classifier. (It is a hypervolume, divided by that gap.)

# %% tags=["hide-input"]
RIVALS = {"adt": "ADT", "ffvae": "FFVAE", "fdvae": "FD-VAE-style", "removed": "removal"}
CONTROLS = {"mixing": "mixing line", "threshold": "moved threshold"}
COLUMNS = {(e, g): f"DVGE-{e.upper()}, {g.upper()}" for e in ("d", "n") for g in ("dp", "eo")}


def compared(name: str) -> dict[tuple[str, str], object]:
    """Return DVGE's number minus that of each rival and control, by panel."""
    found = {}
    for (e, g), column in COLUMNS.items():
        for key, label in RIVALS.items():
            found[column, label] = record.estimate(f"panel.{name}.{e}.{g}.{key}")
        for key, label in CONTROLS.items():
            found[column, label] = record.estimate(f"control.{key}.{name}.{e}.{g}")
    return found


def sides(found: dict[tuple[str, str], object]) -> dict[str, int]:
    """Count the intervals right of zero, left of it, around it, and those that do not exist."""
    right, left = (sum(test(e) for e in found.values())
                   for test in (lambda e: e.low > 0, lambda e: e.high < 0))  # fmt: skip
    empty = sum(bool(np.isnan(e.value)) for e in found.values())
    return {
        "right": right,
        "left": left,
        "around": len(found) - right - left - empty,
        "empty": empty,
    }


# %% tags=["hide-input"]
def in_words(count: dict[str, int]) -> str:
    """Return what a figure of differences shows, for who cannot see it."""
    text = "Four panels with six intervals each: {right} right of the dashed line at zero, {left} left of it, {around} around it"
    return (text + (", and {empty} without a value." if count["empty"] else ".")).format(**count)


def told(count: dict[str, int]) -> None:
    """Say what a figure of differences shows."""
    say(
        "Of {n} differences {right} are in DVGE's favour by their interval, {left} are against it and {around} are undecided.",
        n=sum(count.values()) - count["empty"],
        **{k: count[k] for k in ("right", "left", "around")},
    )
    if count["empty"]:
        say(
            "{n} have no value, because the plain classifier has no gap to begin with or a cell is empty.",
            n=count["empty"],
        )


for name in boards:
    differences = compared(title[name])
    show(
        drawings.gains(differences, {c: c for c in COLUMNS.values()}),
        name=f"gains-{name}",
        caption=f"DVGE's number minus a rival's, {study.SETTINGS[name].title}: right of the line "
        f"DVGE is better. n = {scores[name].n} test people, 95 % bootstrap over people of the mean "
        f"over {cfg.seeds} seeds.",
        alt=in_words(sides(differences)),
    )
    told(sides(differences))

# %% tags=["hide-input"]
say(
    "With the whole grid of {grid} points instead of {few}, DVGE-N's number for demographic parity is {whole:.4f} "
    "instead of {chosen:.4f}. Choosing the front on the very people it is reported for, as the released "
    "code does, adds {extra:+.4f} on average over the four panels.",
    grid=len(cfg.sweep.eta1) * len(cfg.sweep.eta2),
    few=len(cfg.sweep.chosen),
    whole=record.estimate(f"front.{title[first]}.n.dp.whole-grid"),
    chosen=record.estimate(f"front.{title[first]}.n.dp.dvge"),
    extra=record.estimate(f"audit.selection.{title[first]}"),
)

# %% [markdown]
# All five controls at once, for DVGE on the plain encoder: a threshold for each group is chosen on validation people, too, and noise on the codes, at four
# strengths, is what a perturbation does that knows nothing of the group. And everybody may toss coins: any setting may be mixed with another and with the constant,
# so that a few points stand beside curves on equal terms.

# %%
record.keep(study.beaten(score, title[first]))
beats = controls.answers(
    record,
    {
        f"{title[first]}.n.dp": "demographic parity",
        f"{title[first]}.n.eo": "equal opportunity",
    },
    {"noise": "noise on the codes"},
)
show(
    controls.drawn(beats, "DVGE minus the control, accuracy →"),
    name="beats",
    caption=f"DVGE-N's number minus that of each control, {study.SETTINGS[first].title}: n = {score.n} test people, "
    f"mean over {cfg.seeds} seeds, bars are 95 % intervals over people and trainings.",
    alt="Two panels with a row for each of five controls, with an interval and a dashed line at zero; the table below "
    "has the numbers.",
)

# %% tags=["hide-input"]
tables.table(
    controls.table(beats),
    caption="Does DVGE-N beat what costs nothing? The answer, and its number minus the control's.",
)

# %% [markdown]
# To the right of the dashed line DVGE is better. An interval that lies there as a whole is a *yes*; one that does not reach it is a *no*; one on both
# sides is *unclear*. The intervals are over people *and* trainings: with few trainings they are wide. A threshold for each group has to be told who is who, and DVGE's classifier is not.

# %% [markdown]
# What do the strengths do on their own? We fit straight lines over the grid.

# %% tags=["hide-input"]
slopes = {
    (e, k): record.estimate(f"d4.{title[first]}.{e}.{k}")
    for e in ("d", "n")
    for k in ("eta1-dp", "eta1-eo", "eta1-acc", "eta2-acc")
}
tables.table(
    pd.DataFrame(
        [
            {
                "encoder": e.upper(),
                "slope of": what,
                "per unit of": eta,
                "estimate": str(slopes[e, k]),
            }
            for e in ("d", "n")
            for k, what, eta in (
                ("eta1-dp", "gap of demographic parity", "η₁"),
                ("eta1-eo", "gap of equal opportunity", "η₁"),
                ("eta1-acc", "accuracy", "η₁"),
                ("eta2-acc", "accuracy", "η₂"),
            )
        ]
    ),
    caption=f"What the strengths do, {study.SETTINGS[first].title}; 95 % bootstrap over people.",
)

# %% [markdown]
# Other readings have fronts, too. None of the four was chosen because its front looks best: the loss of the predicted class
# is our default because it is the one under which the slides' tables fall.

# %% tags=["hide-input"]
others = {
    drawings.FOCI[f]: score.area("dvge-n" if f == cfg.classifier.focus else f"dvge-n.{f}", "n", g)
    for f in cfg.foci
    for g in ("dp",)
}
record.keep(
    {
        f"sweep.{title[first]}.n.dp.{f}": score.entry(draws)
        for f, draws in zip(cfg.foci, others.values(), strict=True)
    }
)
show(
    plots.plot_bars_ci(
        {
            text: record.estimate(f"sweep.{title[first]}.n.dp.{f}")
            for f, text in zip(cfg.foci, others, strict=True)
        }
        | {"mixing line": record.estimate(f"front.{title[first]}.n.dp.mixing")},
        xlabel="accuracy over the constant, averaged over limits on the gap",
    ),
    name="readings",
    caption="The whole grid under every reading, encoder N, demographic parity, chosen on "
    f"validation; 95 % bootstrap over n = {score.n} test people.",
    alt=f"{len(others) + 1} bars with intervals: one for each reading and one for the mixing line.",
)
fronts = {text: record.estimate(f"sweep.{title[first]}.n.dp.{f}")
          for f, text in zip(cfg.foci, others, strict=True)}  # fmt: skip
line = record.estimate(f"front.{title[first]}.n.dp.mixing")
say(
    "The highest bar of a reading is that of the {best} ({value}), and the mixing line has {line}: {k} of {n} readings have an "
    "interval that lies above the mixing line's number.",
    best=max(fronts, key=lambda text: np.nan_to_num(fronts[text].value, nan=-1.0)),
    value=max(fronts.values(), key=lambda e: np.nan_to_num(e.value, nan=-1.0)),
    line=line,
    k=sum(e.low > line.value for e in fronts.values()),
    n=len(fronts),
)

# %% [markdown]
# ## One thousand loans
#
# South German Credit {cite}`groemping2019` has a thousand rows and the group "25 or younger" has 190. One split
# decides nothing, so there are many; each has an autoencoder of its own, and all of them train at once. Splits of
# the same people are not independent: the intervals are corrected for that {cite}`nadeau2003`.

# %%
loans = {
    name: study.credit.applicants(cfg, study.credit.GROUPS[name], real)
    for name in cfg.credit.settings
}
played = {name: study.credit.play(p, name, cfg) for name, p in loans.items()}
table = next(iter(loans.values())).table
record.dataset(table.name, rows=len(table.y), digest=table.digest, source=table.source)
alias = {
    name: name if real else f"applicants{'' if i == 0 else '.two'}" for i, name in enumerate(played)
}
credit_scores = {name: study.fronts.Scores(p.board) for name, p in played.items()}
for name, one in credit_scores.items():
    found = study.fronts.panels(one, alias[name])
    if alias[name] == "applicants":
        found |= study.fronts.synthetic(found, "applicants", "applicants")
    record.keep(found)

# %% tags=["hide-input"]
PLAIN = {"age": "25 or younger", "young-not-foreign": "25 or younger and not foreign"}
cells = pd.DataFrame(
    [
        {
            "group": PLAIN[p.table.sensitive] if k else f"not ({PLAIN[p.table.sensitive]})",
            "people": int((p.table.s == k).sum()),
            "good credit": float(p.table.y[p.table.s == k].mean()),
            "in a test part": int((p.s["test"][0] == k).sum()),
            "of these with good credit, at least": int(
                ((p.s["test"] == k) & (p.y["test"] == 1)).sum(1).min()
            ),
        }
        for p in loans.values()
        for k in (0, 1)
    ]
)
young = next(iter(loans.values())).table
assert len(young.y) == 1000 and int((young.s == 1).sum()) == 190
tables.table(
    cells.round(3),
    caption=f"Cell sizes, {table.name}. A literal ‘young and foreign’ group has three people, so "
    "the second setting is ‘25 or younger and not foreign’ against the rest.",
)

# %% tags=["hide-input"]
for name, one in credit_scores.items():
    differences = compared(alias[name])
    show(
        drawings.gains(differences, {c: c for c in COLUMNS.values()}),
        name=f"gains-{name}",
        caption=f"DVGE's number minus a rival's, {PLAIN[loans[name].table.sensitive]}, {cfg.credit.splits} "
        f"splits with n = {one.n} test people each; 95 % t-intervals over splits, corrected for "
        "the people that they share.",
        alt=in_words(sides(differences)),
    )
    told(sides(differences))
    extra = record.estimate(f"audit.selection.{alias[name]}")
    say("Choosing the front on the people whom it is reported for adds {extra:+.4f}.", extra=extra)

# %% [markdown]
# ## What is cheap about it
#
# The slides' strongest argument is not accuracy: a new sensitive attribute needs two small classifiers and no
# new encoder. That can be timed.

# %%
for entries in (
    study.extras.refit(people, task, cfg),
    study.extras.credit_times(next(iter(played.values()))),
    study.extras.audit(study.encoders.codes(people, cfg, "n"), task, cfg),
    study.extras.invariants(people, task, cfg),
):
    record.keep(entries)

# %% tags=["hide-input"]
say(
    "On images, refitting took {seconds:.1f} s of {clock}; training the encoder took {encoder:.0f} "
    "s, and FFVAE, which starts from it and must be trained again, {ffvae:.0f} s.",
    seconds=record.estimate("d5.celeba.seconds").value,
    clock=clock(device),
    encoder=encoders["n"].seconds,
    ffvae=study.encoder(people, cfg, "ffvae-0", codes=False).seconds,
)

# %% [markdown]
# ## The same person, drawn twice
#
# Drawn faces allow a question that no photograph answers: does a decision change when *only* the drawn sex changes?

# %%
if not real:
    twins = faces.counterfactual(crowd.select(crowd.images.split == "test"), "Male")
    for e in ("d", "n"):
        found = study.extras.flips(people, twins.images.x, task, cfg, e)
        record.keep(found)
    answer = {
        f"{text}, {e.upper()}": record.estimate(f"faces.{e}.{key}")
        for e in ("d", "n")
        for key, text in (("flips-plain", "plain"), ("flips", "DVGE, η₁ = 1"))
    }
    show(
        plots.plot_bars_ci(answer, xlabel="share of people whose decision changes"),
        name="flips",
        caption="Decisions that change when only the drawn sex changes; 95 % bootstrap over "
        f"n = {score.n} test faces, mean over {cfg.seeds} seeds.",
        alt="Four bars, two for each encoder: the plain classifier and DVGE.",
    )
    say(
        "DVGE changes the share by {d} on encoder D and by {n} on N.",
        d=record.estimate("faces.d.flips-change"),
        n=record.estimate("faces.n.flips-change"),
    )
    hangs = expect(
        min(record.estimate(f"faces.{e}.flips").value for e in ("d", "n")) > 0.25,
        "many decisions still hang on the drawn sex alone",
        "In this run few decisions hang on the drawn sex alone.",
        only="laptop",
    )
    if hangs:
        say("Many decisions still hang on the drawn sex alone.")

# %% [markdown]
# ## On your own encoder
#
# Anything that maps inputs to codes of shape $(n, d)$ will do. The codes are computed once; a new sensitive attribute
# keeps them.

# %%
tool = dvge.DVGE(encoders["n"].codes, eta1=0.5, eta2=0.2, config=cfg.classifier)
some = task.train[:800]
tool.fit(people.x[some], task.y[some], people.labels("Male")[some], seed=seed)
male = tool.predict(people.x[task.test])
tool.set_sensitive(people.labels("Young")[some])
young = tool.predict(people.x[task.test])
print(f"{float((male != young).float().mean()):.3f} of the decisions differ")

# %% [markdown]
# ## Results against the paper
#
# The slides give numbers for the two tables only; the sixteen panels have no numbers in the text that we had, so their claims
# are about order. The tables come from the committed record on CelebA and South German Credit, the last one from this run.


# %% tags=["hide-input"]
def held(reading: str, what: str) -> str:
    """Count the rows of the slides' two tables whose interval over seeds shows what they claim."""
    if photos is None:
        return "–"
    named = [c.measure[0] for c in load_claims("dvge")
             if c.id.startswith(f"convention.{reading}.") and c.id.endswith(what)]  # fmt: skip
    found = [photos.estimate(name) for name in named if name in photos]
    return f"{sum(e.high < 0 for e in found)} of {len(found)}"


photos = next(
    (r for r in load_records() if (r.chapter, r.data, r.preset) == ("dvge", "real", "laptop")), None
)
photos = record if real and preset != "smoke" else photos
readings_held = pd.DataFrame(
    [
        {
            "differentiated": text,
            "scored on": code,
            "accuracy falls": held(f"{f}.{p}", ".fall"),
            "and below removal": held(f"{f}.{p}", ".below-removed"),
        }
        for f, text in drawings.FOCI.items()
        for p, code in (("perturbed", "z′"), ("raw", "z"))
    ]
)
tables.table(
    readings_held,
    caption="Which reading makes the tables fall? Rows of tables 1 and 2 (two settings, two "
    "encoders) where it does at η₁ = 1 on photographs, by interval over seeds of the classifiers, "
    "all on one encoder of each kind.",
)

# %%
tables.results_table(of_chapter(record, "table1."), caption="Table 1, cell by cell.")

# %%
tables.results_table(
    of_chapter(record, "d1.fall", "d1.saturation", "d3.celeba", "d4.celeba", "d5"),
    caption="Messages of the slides: D1 and D3 to D5.",
)

# %%
tables.results_table(
    of_chapter(record, "control.mixing", "control.threshold", "audit.", "exact."),
    caption="Controls, audit and invariants.",
)

# %%
tables.results_table(
    of_chapter(record, "faces.", "applicants."), caption="Drawn faces, invented applicants."
)

# %% [markdown]
# Table 2, the 64 panels (D2) and the 64 verdicts behind the first table stand one by one on the scoreboard.
#
# The judge is stricter than the table of readings: one encoder of each kind was trained, and however many classifiers stand on it, that is one training.
# Another encoder might answer otherwise, so its words are open, and what follows is about *these* encoders.
#
# **Which reading?** On photographs, accuracy falls, and falls below what removal leaves, for both encoders and both settings under one reading that
# uses no labels: the *loss of the predicted class, scored on moved codes*. The released logit does not lower it on moved codes. The true label's loss lowers it on raw codes,
# where it is a shift; on moved ones it raises it for encoder N, where it is a leak, and leaves it for D. So the slides' tables and the released code do
# not describe the same method; the words of the slides describe the tables.
#
# **What the tables mean.** The probe that saw both kinds of codes reads no more from $z'$: near the line people do overlap. But it reads raw codes nearly as well as a probe of raw codes, and these
# are what $g$ gets at inference. "Less sensitive information" is true of the codes that $g$ learned from, not of those it decides on.
#
# **What it buys.** $\eta_1$ lowers both gaps on photographs, and $\eta_2$ does not raise accuracy. For *Attractive* DVGE's fronts beat ADT and FFVAE in most panels, two rivals with
# less training; removal, the FD-VAE-style model, and even a random mix with a constant do better than DVGE in demographic parity. For *Oval_Face* all fronts of DVGE and the mixing line end next
# to the constant classifier, so nothing can be said. Nor can it with 1,000 loans: honest intervals over splits of every comparison include zero.
#
# **What holds.** On photographs the fronts of both encoders are alike within a point in demographic parity, as the slides say; in equal opportunity that of D is the better one for *Attractive*, and
# with loans the intervals are too wide to say. A new sensitive attribute costs a small part of what an encoder costs on images, and a larger part of it on a table (D5).

# %% tags=["hide-input"]
assert photos is not None or not expect.pinned
TABLES, BOTH = ("table1", "table2"), ("d", "n")
FACES, LOANS = (
    ("celeba-male-oval", "celeba-maleyoung-attractive"),
    ("german-age-risk", "german-agefw-risk"),
)


def seen(pattern: str, **choices: tuple[str, ...]) -> list:
    """Return the photographs' estimates whose ids fill a pattern with every choice."""
    ids = [pattern]
    for key, options in choices.items():
        ids = [i.replace(f"<{key}>", option) for i in ids for option in options]
    return [photos.estimate(i) for i in ids]


def tables_at_one(what: str) -> list:
    """Return estimates of both tables and encoders at η1 = 1."""
    return seen(f"<t>.<e>.{what}", t=TABLES, e=BOTH)


# %% tags=["hide-input"]
if photos is not None:
    falls, under = (
        tables_at_one(f"loss_pred.perturbed.eta1.0.{k}") for k in ("change", "vs-removed")
    )
    others = [
        tables_at_one(f"{f}.{p}.eta1.0.{k}")
        for f, p in (("loss_pred", "raw"), ("logit_pred", "perturbed"), ("logit_pred", "raw"),
                     ("logit_1", "perturbed"), ("logit_1", "raw"))
        for k in ("vs-removed",)
    ]  # fmt: skip
    leak = seen("<t>.<e>.loss_true.perturbed.eta1.0.change", t=TABLES, e=("n",))
    still = seen("<t>.<e>.loss_true.perturbed.eta1.0.change", t=TABLES, e=("d",))
    raw = zip(tables_at_one("loss_pred.mixed-raw.eta1.0"), tables_at_one("none"), strict=True)
    beaten = seen(
        "panel.celeba-maleyoung-attractive.<e>.<g>.<r>", e=BOTH, g=("dp", "eo"), r=("adt", "ffvae")
    )
    ahead = seen("<c>", c=tuple(
        f"{kind}celeba-maleyoung-attractive.{e}.dp{rival}"
        for e in BOTH
        for kind, rival in (("panel.", ".removed"), ("panel.", ".fdvae"), ("control.mixing.", ""))
    ))  # fmt: skip
    loan_gaps = seen(
        "panel.<s>.<e>.<g>.<r>", s=LOANS, e=BOTH, g=("dp", "eo"), r=tuple(RIVALS)
    ) + seen("control.<c>.<s>.<e>.<g>", c=tuple(CONTROLS), s=LOANS, e=BOTH, g=("dp", "eo"))
    alike = seen("d3.<s>.<g>.<o>", s=FACES, g=("dp",), o=("d-minus-n-plus-1", "n-minus-d-plus-1"))
    (better,) = seen("d3.celeba-maleyoung-attractive.eo.d-minus-n-plus-1")
    wide = [
        min(
            e.low
            for e in seen(
                "d3.<s>.<g>.<o>", s=(s,), g=(g,), o=("d-minus-n-plus-1", "n-minus-d-plus-1")
            )
        )
        for s in LOANS
        for g in ("dp", "eo")
    ]

# %% tags=["hide-input"]
if photos is not None:
    share = {
        d: float(np.exp(photos.estimate(f"d5.{d}.encoder").value)) for d in ("celeba", "german")
    }
    for holds, sentence in (
        (all(e.high < 0 for e in falls + under), "accuracy falls below removal with the loss on moved codes"),
        (all(max(e.high for e in some) > 0 for some in others), "no other reading without labels does that"),
        (all(abs(e.value) < 0.015 for e in tables_at_one("logit_pred.perturbed.eta1.0.change")),
         "the released logit does not lower it on moved codes"),
        (all(e.high < 0 for e in tables_at_one("loss_true.raw.eta1.0.change")), "the true label's loss lowers it on raw codes"),
        (all(e.low > 0 for e in leak), "the true label's loss leaks for encoder N"),
        (all(abs(e.value) < 0.02 for e in still), "the true label's loss leaves it for encoder D"),
        (all(e.value < 0.005 for e in tables_at_one("loss_pred.mixed-perturbed.eta1.0.vs-perturbed")),
         "the mixed probe reads no more from moved codes"),
        (all(a.value > b.value - 0.02 for a, b in raw), "the mixed probe reads raw codes nearly as well"),
        (all(e.high < 0 for e in seen("d4.<s>.<e>.eta1-<g>", s=FACES, e=BOTH, g=("dp", "eo"))), "η1 lowers both gaps"),
        (all(e.low <= 0 for e in seen("d4.<s>.<e>.eta2-acc", s=FACES, e=BOTH)), "η2 does not raise accuracy"),
        (sum(e.low > 0 for e in beaten) > len(beaten) / 2, "DVGE beats ADT and FFVAE in most panels"),
        (all(e.high < 0 for e in ahead), "removal, FD-VAE-style and mixing do better in demographic parity"),
        (all(e.value < 0.01 for e in seen("front.celeba-male-oval.<e>.<g>.<w>", e=BOTH, g=("dp", "eo"),
                                          w=("dvge", "mixing"))), "Oval_Face ends next to the constant"),
        (all(e.low <= 0 <= e.high for e in loan_gaps), "intervals over splits include zero"),
        (all(e.low > 0 for e in alike) and better.low > 0.01, "the encoders are alike in demographic parity only"),
        (max(wide) < 0, "with loans the intervals are too wide to say"),
        (share["celeba"] < 0.05 and share["german"] > 0.25, "a new attribute is cheap on images, less so on a table"),
    ):  # fmt: skip
        expect(holds, sentence, f"Not in the record at hand: {sentence}.")

# %% [markdown]
# ## What we did differently
#
# | what | theirs | ours | why |
# |---|---|---|---|
# | images | 64 pixels, 202,599 of CelebA | 64 pixels, 15,000 for training (drawn faces: 32 pixels) | two cores |
# | split | first 180,000 for training, the rest reported | the official parts; chosen on validation, reported on test | no peeking |
# | encoder | 10⁶ steps, and it sees the evaluation images | about 2,000 steps, on training images only | two cores, and no peeking |
# | code | a random sample of q(z given x) | its mean, scaled to a mean variance of 1 | repeatable; the sample has about that variance, and η has no meaning without a scale |
# | classifiers | 5 × 1,000 units, rate 10⁻⁵, 100 epochs | 3 × 64 units, rate 3·10⁻³, 15 epochs (drawn faces: 12) | thousands of times cheaper |
# | focus | loss (slides, by their words) or logit (code) | both, and two more | the chapter's question |
# | front | every checkpoint of every run | one point per run | equal numbers for all methods |
# | FFVAE, FD-VAE-style | not released | 2 more passes from the plain encoder's weights, which had 10 (drawn faces: 8) | cost; this is not an equal budget |
# | ADT | – | 2 passes over the images (drawn faces: 3) | cost; this is not an equal budget |
# | FD-VAE | the published loss | after its abstract: *FD-VAE-style* | the loss could not be found |
#

# %% tags=["hide-cell"]
for used, passes, codes, first_passes in (
    (study.for_real(study.DVGE["laptop"], "laptop"), 2, 15, 10),
    (study.DVGE["laptop"], 3, 12, 8),
):  # the table above, against the presets
    assert (used.adt.epochs, used.tuned, used.vae.epochs) == (passes, 2, first_passes)
    assert (used.classifier.hidden, used.classifier.lr) == ((64,) * 3, 3e-3)
    assert used.classifier.epochs == codes

# %% [markdown]
# ## What the released code does
#
# It differentiates the predicted class' logit, without a clip. Its "EO" divides by the size of a group, not by the number of its positives, so
# a perfect classifier has a gap. It picks points on the people that it reports. And its FactorVAE
# goes back through a graph that an optimiser has already changed, which current versions of torch refuse.

# %%
y_demo = np.repeat([1, 0, 1, 0], [5, 5, 2, 8])  # base rates .5 and .2, every decision right
s_demo = np.repeat([0, 1], 10)
released, defined = (f(y_demo, y_demo, s_demo) for f in (joint_tp_gap, equal_opportunity_gap))
print(f"as released: {released:.2f}")
print(f"as defined:  {defined:.2f}")
assert defined == 0 < released

# %% [markdown]
# ## Limits, and who could be harmed
#
# **A moved probe is not a removed fact.** That a fresh classifier fails on $z'$ says little: raw codes are what the deployed model sees, and
# whoever holds them reads the group as well as before.
#
# **Ten numbers decide what can be fair.** An encoder that never noticed something about a person cannot be fair about it.
#
# **A corner of a table.** "Male ∧ Young" is *young women against the rest* here, as in the code. Gaps between the other three corners are invisible.
#
# **Credit.** South German Credit is from 1973 to 1975, bad credits are over-sampled, and sex cannot be recovered from it. A model of
# it must not decide about anybody's loan.
#
# ## Exercises
#
# ### Exercise 1 (check)
# Show on the toy that the two sides of the identity above agree.

# %% tags=["hide-cell"]
leaf = flat.clone().requires_grad_(True)
logits = toy(leaf)
top = logits.detach().argmax(1, keepdim=True)
(slope,) = torch.autograd.grad((logits.gather(1, top) - logits.gather(1, 1 - top)).sum(), leaf)
other = logits.detach().softmax(1).gather(1, 1 - top)
most = float((steps["loss_pred"] + other * slope).abs().max())
assert most < 1e-5  # rounding of single precision
print("The two sides differ by less than one part in a hundred thousand.")

# %% [markdown]
# ### Exercise 2 (check)
# How much longer is the focus of the logit than that of the loss, and for whom most?

# %% tags=["hide-cell"]
# a loss can round to nothing
ratio = steps["logit_pred"].norm(dim=1) / steps["loss_pred"].norm(dim=1).clamp_min(1e-8)
along = float(torch.corrcoef(torch.stack([ratio.clamp_min(1e-8).log(), sure]))[0, 1])
print(f"median ratio {ratio.median():.1f}, correlation of its logarithm with certainty {along:.2f}")
if expect(along > 0.4, "the ratio grows with certainty", "With this seed certainty says little."):
    print("Most for people about whom d is certain: their loss has hardly a gradient left.")

# %% [markdown]
# ### Exercise 3 (code)
# Normalise each focus to length one. Does the ablation still fall?

# %% tags=["hide-cell"]
unit = replace(cfg.classifier, normalise=True)
done = dvge.ablation(
    encoders["n"].z[task.train], task.s[task.train], encoders["n"].z[task.test],
    task.s[task.test], (0.0, 0.5, 1.0, 2.0), unit, [seed], probe_on=("perturbed",),
)  # fmt: skip
reads = done.best["perturbed"][0]
print(", ".join(f"η₁ = {eta:g}: {value:.3f}" for eta, value in zip(done.etas, reads, strict=True)))
falls = reads[0] - reads[-1] > 0.02
print(
    "It falls with steps of length one, too."
    if falls
    else "With steps of length one it does not fall."
)

# %% [markdown]
# ### Exercise 4 (research)
# $d$ is trained once. Retrain it on $z'$ and repeat, as iterated projection methods do. Does information go, or does the shift grow? There is no solution
# here; `dvge.ablation` is the place to start.

# %% [markdown]
# ## Keeping the record

# %%
fall = {
    f: record.estimate(f"{row}.n.{f}.perturbed.eta{cfg.etas[0]}.change").value
    for f in ("loss_pred", "logit_pred")
}
if preset == "smoke":  # a small run still shows the effect that the chapter is about
    expect(
        fall["loss_pred"] < -0.02 < fall["logit_pred"],
        "the loss's step lowers what is read of the group, and the logit's does not",
        f"In this run the loss's step changes what is read of the group by {fall['loss_pred']:+.3f}, the "
        f"logit's by {fall['logit_pred']:+.3f}: the effect of the chapter is not there.",
    )
path = record.save(results_dir)
print(f"{len(record.measurements)} measurements in {path}")

# %% [markdown]
# ## Sources
#
# Method and numbers: {cite}`zhang2023dvge` (slides and released code). Encoders: {cite}`kingma2014vae,kim2018factorvae`. Rivals:
# {cite}`ganin2016dann,creager2019ffvae,park2021fdvae`. Data: {cite}`liu2015,groemping2019`. All wording, drawings and code here are ours.
