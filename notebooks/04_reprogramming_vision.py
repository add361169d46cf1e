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
# # Fairness Reprogramming in images: one frame for every picture
#
# [Open this chapter in Colab](https://colab.research.google.com/github/fairtut/fairtut/blob/main/notebooks/04_reprogramming_vision.ipynb)
# (a GPU helps; a laptop takes about ten minutes).
#
# A classifier is finished. It treats men and women differently, and its weights may not change: training it again
# costs too much, or it belongs to somebody else. Zhang and colleagues proposed at NeurIPS 2022 {cite}`zhang2022fairreprogram` to
# put *the same* learned pattern, a {term}`trigger`, into every picture that it sees: a square in a corner, or a frame. They call it
# *fairness {term}`reprogramming`*, after the trick that makes one network do another one's job {cite}`elsayed2019`.
#
# The chapter on {doc}`FAAP <02_faap>` had the same wish and gave every face a perturbation of its own. Here there is one
# constant for everybody, so nothing about a person can be corrected individually. **Can a constant make
# a classifier treat groups more alike? And if it does, does it do more than moving a threshold?**

# %% tags=["hide-input"]
import subprocess
import sys

if "google.colab" in sys.modules:  # elsewhere the package is already there
    source = "fairtut[peers] @ git+https://github.com/fairtut/fairtut"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", source], check=True)

# %% tags=["parameters", "hide-input"]
preset = "laptop"  # "smoke": a minute in CI; "laptop": these pages; "paper": one GPU
data = "synthetic"  # or "real": CelebA from $FAIRTUT_DATA or its official host
seed = 0
results_dir = "results"

# %% tags=["hide-input"]

import numpy as np
import pandas as pd
import torch
from IPython.display import display

from fairtut.chapters import reprogramming_vision as study
from fairtut.chapters.reprogramming_vision import drawings, mechanisms
from fairtut.chapters.reprogramming_vision.opening import CHAPTER
from fairtut.data.images import as_pixels
from fairtut.data.synthetic import faces
from fairtut.lab.choice import fairest
from fairtut.methods import reprogramming as rp
from fairtut.methods.reprogramming.theory import Pooled, TwoVocabularies
from fairtut.metrics import DEFINITIONS
from fairtut.page import controls, plots, tables
from fairtut.page.box import box, learned
from fairtut.page.effects import Effects
from fairtut.page.figures import show
from fairtut.page.prose import say
from fairtut.page.quiz import Check, quiz
from fairtut.page.results import VERDICTS, committed, judge, load_claims, of_chapter
from fairtut.page.slider import Track, curves, slide
from fairtut.page.source import source_of
from fairtut.runtime.checkpoints import state_digest
from fairtut.runtime.precision import full_precision
from fairtut.runtime.seeds import torch_rng

(preset, data, seed, results_dir), cfg, record, device = CHAPTER.open(
    preset, data, seed, results_dir
)
real = data == "real"
plots.use_style()
expect = Effects(preset, data, seed)  # what this page says of a run is asserted where it is made

# %% [markdown]
# The answer comes first, so that you can read the rest with a question in mind. Its numbers are computed from the
# committed {term}`record` of a run on photographs, and its words about what is better, worse or open follow from the rules on the page
# {doc}`how we judge <../book/judgement>`, which count people *and* trainings.

# %% tags=["hide-input"]
photos = committed("reprogramming_vision")
asked = [c for c in load_claims("reprogramming_vision") if c.id.startswith("control.")]
judged = {v.id.removeprefix("control."): v for v in judge(asked, [photos])}


def beside(verdict) -> str:
    """Return how a bias compares with its control's, by the interval over people and trainings."""
    low, high = verdict.values["low"], verdict.values["high"]
    return "below" if high < 0 else "above" if low > 0 else "not told apart from"


def of_both(id: str):
    """Return a mean of the photographs with its interval over people and trainings."""
    return photos.measured(id).standard()


shared = {
    "dp": of_both("border.dp.cost0.03.dp"),
    "dp_base": of_both("base.dp"),
    "eo": of_both("border.eo.cost0.03.eo"),
    "eo_base": of_both("base.eo"),
    "acc": of_both("border.dp.cost0.03.acc"),
    "acc_base": of_both("base.acc"),
    "threshold": beside(judged["dp.border.threshold"]),
    "coin": beside(judged["eo.border.mixing"]),
    "n": judged["eo.border.mixing"].values["trainings"],
}
answer = (
    "On photographs a border brings the gap in demographic parity from {dp_base:.3f} to {dp:.3f} and that in equalised odds from "
    "{eo_base:.3f} to {eo:.3f}, while accuracy falls from {acc_base:.3f} to {acc:.3f} (with the border for DP; {n} trainings, 95 % intervals over people and trainings). "
    "Whether a frame was needed for that "
    "is another matter: at the same accuracy its demographic parity is {threshold} that of a moved threshold, and its equalised "
    "odds are {coin} those of a coin that calls some people not blond."
)
assert all(of_both(f"border.{c}.cost0.03.change").high < 0 for c in ("dp", "eo"))  # it falls
# %% [markdown]
# The cell above looks up what the committed record on photographs says; the box writes it down.

# %% tags=["hide-input"]
box(
    "reprogramming_vision",
    objectives=[
        "write a trigger, its discriminator and the projected update in plain torch",
        "say what a patch and a border do to a picture, and what they can do to a network",
        "name the five controls that a repair from outside has to beat",
        "tell a repaired classifier from one that has stopped deciding",
    ],
    prerequisites=[
        "how a classifier is trained by gradient descent",
        "what a false positive rate and a true positive rate are",
        "the idea of an adversary, as in the chapters on FR-Train and FAAP",
    ],
    worked="Fewer people are called blond: {after:.3f} with the border for demographic parity instead of {before:.3f}. The adversary adds to that: the border's gap minus "
    "that of a trigger with λ = 0 at the same accuracy is {lam0:.3f}, so the question whether it is lower is answered with *{lam0_word}*.",
    answer=answer,
    after=of_both("border.dp.cost0.03.positive"),
    before=of_both("base.positive"),
    lam0=of_both("border.dp.cost0.03.vs-lam0"),
    lam0_word=judged["dp.border.lam0"].verdict,
    **shared,
)
assert of_both("border.dp.cost0.03.positive").high < of_both("base.positive").low
assert judged["dp.border.lam0"].verdict == "yes"  # "adds to that"

# %% [markdown]
# The box will come back at the end, when you know what its words cost. Two of them are worth a first look now: a *moved threshold* is
# the same classifier with another cut, and a *coin* is the same classifier that at random answers "no". Both are free.

# %% [markdown]
# **Before you go on.** "Male" and "Blond_Hair" are labels that strangers gave to photographs; the page
# *Faces are not labels* says why the first is not a fact. Every face on this page is drawn by a program.

# %% [markdown]
# ## The claim in one picture
#
# The paper's main figure on photographs: five strengths per method. The numbers are not printed anywhere; we read them off the figure
# by eye, to about .002 in both directions. In grey stands what the figure leaves out: the {term}`constant classifier`,
# which calls nobody blond, and the {term}`mixing line`, a coin that picks BASE or the constant.

# %% tags=["hide-input"]
published = study.published
show(
    drawings.claim(published.POINTS, published.CONSTANT),
    name="claim",
    caption="Accuracy and bias on CelebA (Blond_Hair; groups by Male), read by eye off the paper's "
    "figure (±.002); the grey controls are computed from its BASE. Published means of three runs.",
    alt="Two panels of points around a dotted grey line from BASE to the constant classifier. On the "
    "left, for demographic parity, most points lie close to it; on the right, for equalised odds, they "
    "spread more, to both sides.",
)

# %% tags=["hide-input"]
off_line = {
    c: np.array([
        gap - published.mixing(c, accuracy)
        for m, several in published.POINTS[c].items()
        if m != "base"
        for accuracy, gap in several
    ])
    for c in ("dp", "eo")
}  # fmt: skip
assert np.median(np.abs(off_line["dp"])) < 0.01 < np.median(np.abs(off_line["eo"]))
assert off_line["eo"].min() < -0.02 and off_line["eo"].max() > 0.02
better = {
    c: [
        gap < published.mixing(c, accuracy) - published.READING
        for m in ("patch", "border")
        for accuracy, gap in published.POINTS[c][m]
    ]
    for c in ("dp", "eo")
}
say(
    "Of the published trigger points, {eo} of {n_eo} have less bias in equalised odds than a coin at the same "
    "accuracy, and {dp} of {n_dp} in demographic parity, by more than two readings can be wrong.",
    eo=sum(better["eo"]),
    n_eo=len(better["eo"]),
    dp=sum(better["dp"]),
    n_dp=len(better["dp"]),
)

# %% [markdown]
# So the picture has a question in it that the paper does not ask: how much of the fairness is bought by deciding
# less? Every result below is drawn together with the {term}`controls <control>`. The
# [metrics guide](../book/metrics-guide.md) explains why such a line exists for every measure of this kind, and what a picture without it hides.

# %% [markdown]
# ## Who plays
#
# Four things take part, and only two of them learn. The pictures come from {term}`tuning people`. The trigger is one small
# picture, added to all of them. BASE reads the sum, and gives {term}`logits <logit>`. The {term}`discriminator` reads the logits and guesses the group.

# %% tags=["hide-input"]
show(
    mechanisms.players(),
    name="players",
    caption="One turn. Whole arrows: what is computed. Dashed arrows: gradients. BASE passes gradients on and never moves.",
    alt="Pictures and the trigger are added and go through the frozen BASE. Its logits go to the loss of the label and to a "
    "discriminator with a loss of the group. Two gradients come back and are combined into one move of the trigger.",
)

# %% [markdown]
# Follow the dashed arrows. Both losses send a gradient *through* the frozen network to the pixels, one that wants the label to be right, one that
# wants the group to be read. The trigger follows the first and flees the second. The discriminator is taught by its own loss, in
# the same turn. Nothing else has a parameter that moves.

# %% [markdown]
# The {term}`adversary` here is the one of {doc}`FR-Train <01_frtrain>` and FAAP. What is new is how little can answer it: a patch has about as many numbers
# as one picture has pixels in a corner, and every one of them is the same for everybody.

# %% [markdown]
# ## Notation, and the measures
#
# | symbol | meaning |
# |---|---|
# | $x$, $\tilde x$ | image with pixels in [0, 1], and the same with a trigger |
# | $w$, $\delta = \tanh(w)$ | parameters of the trigger, and its pixels, in (−1, 1) |
# | $f^*$, $o = f^*(\tilde x)$ | BASE, the frozen classifier, and its logits |
# | $s$, $y$, $\hat y$ | sensitive attribute (the paper writes $Z$), label, decision |
# | $d$, $\lambda$ | discriminator that reads $s$ from $o$; weight of fairness |
# | $g_y$, $g_z$ | gradients, with respect to $w$, of the cross-entropies of $y$ and of $d$ |
#
# The paper sums deviations from everybody's rate; its code averages them, and halves once more in places.
# With two groups every version is the plain difference or half of it. The cell below has twenty people, so that you can count along:
# ten in each group, of whom six and two have the label.

# %%
y_demo = np.repeat([1, 0, 1, 0], [6, 4, 2, 8])
s_demo = np.repeat([0, 1], 10)
y_hat_demo = np.repeat([1, 0, 1, 0, 1, 0], [7, 3, 1, 1, 1, 7])
rows = {
    DEFINITIONS[name].axis: float(DEFINITIONS[name](y_demo, y_hat_demo, s_demo))
    for name in ("demographic_parity_gap", "dp", "dp_half", "equalized_odds_mean", "eo_half",
                 "eo_code", "eo_code_half")
}  # fmt: skip
gaps = rows["demographic parity gap"], rows["equalised odds gap (mean)"]
assert set(rows.values()) == {*gaps, *(gap / 2 for gap in gaps)}
tables.table(
    pd.DataFrame({"measure": rows.keys(), "value": rows.values()}).round(4),
    caption="Twenty made-up people, seven definitions, two numbers and their halves.",
)

# %% [markdown]
# We report **DP**, the difference of the two shares that are decided positive ({term}`demographic parity`), and **EO**, the mean of the differences in
# false and true positive rates ({term}`equalised odds`). From what we know about CelebA, the paper's figure shows *half* of our DP
# and all of our EO. That is an inference; the results table gives both. The other definitions of the same words are compared in the
# [metrics guide](../book/metrics-guide.md).

# %% [markdown]
# ## The people, and a finished classifier
#
# The paper needs four sets that share nobody: BASE learns from *training* people, the trigger from *tuning* people, settings are chosen on
# *validation* people and numbers come from *test* people. Our people are drawn unless you ask for `data="real"`.

# %% [markdown]
# Why so strict? A trigger that learns from the people who trained BASE meets answers that BASE knows by heart, and a setting that is
# chosen on test people looks better than it is. So the sets are cut first, and the last line checks that nobody is in two of them.

# %%
crowd = None if real else study.crowd(cfg, device)
people = study.people(cfg, data, device) if real else crowd.images
task = study.Task.of(people, cfg)
record.dataset(people.name, rows=len(people), digest=people.digest, source=people.source)
parts = {name: getattr(task, name) for name in ("train", "tune", "val", "test")}
seen = torch.cat(list(parts.values()))
assert len(torch.unique(seen)) == len(seen)  # nobody is in two parts

# %% tags=["hide-input"]
cells = pd.DataFrame(
    [
        {"part": name, "people": len(rows)}
        | {
            f"s = {a}, y = {b}": int(((task.s[rows] == a) & (task.y[rows] == b)).sum())
            for a in (0, 1)
            for b in (0, 1)
        }
        for name, rows in parts.items()
    ]
)
display(
    tables.table(cells, caption=f"Cell sizes, {people.name}: s = 1 is Male, y = 1 is {cfg.target}.")
)
y_test, s_test = task.people("test")
small = int(min(((y_test == b) & (s_test == a)).sum() for a in (0, 1) for b in (0, 1)))
say(
    "Among women the label holds for {women:.3f} of the test people, among men for {men:.3f}. The smallest cell has "
    "{small} people: half of every EO below hangs on cells like this one, so look at the intervals.",
    women=float(y_test[s_test == 0].mean()),
    men=float(y_test[s_test == 1].mean()),
    small=small,
)

# %% [markdown]
# BASE is a narrow ResNet-18 {cite}`he2016resnet`, trained with cross-entropy and never told about groups. From here on it is frozen; we
# keep a fingerprint of its weights.

# %%
base_seed = cfg.run_seeds()[0]
base = study.models.base(task, cfg, base_seed)
fingerprint = state_digest(base)
print(f"{sum(p.numel() for p in base.parameters()):,} weights, {fingerprint[:12]}")

# %% [markdown]
# ## What a trigger is
#
# A picture with a trigger is the picture, with room made in it, plus a constant:
#
# $$\tilde x = g(x) + \delta,$$
#
# where $g$ makes room. A **patch** replaces a square in a corner. A **border** shrinks the picture, so that nothing is
# lost but sharpness, and fills the ring around it. In the paper the square measures 80 and the ring 20 of 224 pixels;
# we scale that to our pictures.

# %% tags=["hide-input"]
show(
    mechanisms.shapes(),
    name="shapes",
    caption="What the two triggers do to a picture of 64 × 64 pixels, at the paper's proportions.",
    alt="From a picture two ways lead on. The patch blanks a corner of 23 by 23 pixels, and 13 per cent of the result are "
    "trigger. The border shrinks the picture to 52 by 52, and 34 per cent are trigger.",
)

# %% [markdown]
# So the border has more than twice the pixels of the patch to speak with, and pays by showing BASE smaller pictures than it learned from. That price
# is there before any training: look for it when you see what an untrained border does.

# %%
source_of(rp.TriggerModule.pixels)

# %% [markdown]
# The hyperbolic tangent keeps every pixel of the trigger between −1 and 1, and the mask keeps it in its place. Making room for a border is two
# lines: shrink, and fill up with zeros.

# %%
source_of(rp.Border.make_room)

# %% [markdown]
# Three faces, as BASE would see them before anybody trains anything:

# %%
size = (cfg.size, cfg.size)
shapes = {name: rp.standard(name, *size) for name in ("patch", "border")}
portraits = faces.sample(3, seed=seed + 5, size=cfg.size, device=device).images.x
untrained = {
    name: rp.TriggerModule(shape, size, generator=torch_rng(seed, "trigger")).to(device)
    for name, shape in shapes.items()
}
with torch.no_grad():
    pictures = {name: put(as_pixels(portraits)) for name, put in untrained.items()}

# %% tags=["hide-input"]
show(
    drawings.triggered({"plain": portraits} | {f"random {k}": x for k, x in pictures.items()}),
    name="triggers",
    caption="Three drawn faces, and what BASE sees with an untrained patch and an untrained border. "
    "Trigger pixels may be negative; on paper these are cut off at black.",
    alt="Three rows of three illustrated portraits. In the second a square of coloured noise covers "
    "the upper left corner, in the third the portraits are smaller inside a frame of noise.",
)

# %% [markdown]
# In the second row you lose a corner, in the third a little of everything. Sizes are easy to get wrong by one pixel, so they are checked: the patch reaches all of its four corners, the
# ring is as wide as it says, pictures need not be square, and a batch may hold one picture.

# %%
for place in ("top-left", "top-right", "bottom-left", "bottom-right"):
    patch = rp.Patch(5, place).mask(12, 9)
    down, right = (slice(-5, None) if side in place else slice(5) for side in ("bottom", "right"))
    assert patch[down, right].all() and int(patch.sum()) == 25
ring = rp.Border(2).mask(12, 9)
assert not ring[2:-2, 2:-2].any() and int(ring.sum()) == 12 * 9 - 8 * 5
one = as_pixels(portraits[:1])
room = untrained["border"].shape.make_room(one, untrained["border"].mask)
with torch.no_grad():
    change = untrained["border"](one) - room
assert change[0, :, ~untrained["border"].mask].abs().max() == 0  # nothing acts outside its mask
print(
    {name: f"{float(put.mask.float().mean()):.0%} of the pixels" for name, put in untrained.items()}
)

# %% [markdown]
# ## The objective, and the update that is really done
#
# The paper prints a sum: cross-entropy of the label, minus $\lambda$ times that of a discriminator that tries to read $s$. Its code does
# something else, after {cite}`zhang2018`: a {term}`projected update`. With $u = g_z / \lVert g_z \rVert$ it descends along
#
# $$G = g_y - \langle g_y, u \rangle\, u - \lambda\, g_z .$$
#
# The middle term takes away whatever part of the utility's wish would help the adversary.

# %%
source_of(rp.projected)

# %% [markdown]
# Whatever $g_y$ is, $\langle G, g_z \rangle = -\lambda \lVert g_z \rVert^2$: a small step against $G$ never lowers the adversary's loss. To see why, take the
# product of $G$ with $g_z$ term by term. The first two terms cancel, because $\langle g_y, u \rangle \langle u, g_z \rangle$ is $\langle g_y, g_z \rangle$.
# Two dimensions show it.

# %%
g_y, g_z = torch.tensor([1.0, 0.5]), torch.tensor([0.7, -0.6])
updates = {
    "as printed, λ = 1": rp.projected([g_y], [g_z], 1.0, project=False)[0],
    "projected, λ = 0": rp.projected([g_y], [g_z], 0.0)[0],
    "projected, λ = 1": rp.projected([g_y], [g_z], 1.0)[0],
}
for lam, name in ((0.0, "projected, λ = 0"), (1.0, "projected, λ = 1")):
    assert torch.isclose(updates[name] @ g_z, -lam * g_z @ g_z, atol=1e-6)
lean = [float(torch.cosine_similarity(v, g_z, 0)) for v in (g_y, *updates.values())]
assert lean[0] > lean[2] > lean[1] > lean[3]  # g_y, on the dashed line, as printed, projected

# %% tags=["hide-input"]
show(
    drawings.step(g_y, g_z, {name: {"$G$": v} for name, v in updates.items()}),
    name="step",
    caption="Two gradients of a made-up trigger with two pixels, and three updates; one descends "
    "*against* G. A step along the dashed line leaves the adversary as sure as it was.",
    alt="Three panels with the arrows g_y and g_z. The printed G leans away from g_z; the projected "
    "G for lambda zero lies on the dashed line; for lambda one it points further away from g_z.",
)

# %% [markdown]
# Read the arrows from left to right. As printed, the update leans away from $g_z$ only as far as $\lambda$ pushes it. With the projection it lies on the
# dashed line at $\lambda = 0$, and beyond the line at any larger $\lambda$.

# %% [markdown]
# **$\lambda = 0$ is not "off".** With the projection on, the part of $g_y$ along $g_z$ is gone even then. So our control "$\lambda = 0$" is the same update
# without the last term, not training for accuracy alone.

# %% [markdown]
# ## What the discriminator reads
#
# For DP it reads the logits; for EO it also gets the label. The input decides what it means to fool it.

# %%
source_of(rp.Discriminator.inputs)

# %% [markdown]
# A *perfect* classifier shows the difference. The best discriminator with logits alone then knows $y$, and its loss is
# $H(s \mid y)$, less than the $H(s)$ of guessing: for DP perfection is unfair. With the label in its hands anyway, it learns nothing new.

# %%
cell = 2 * task.s[task.tune] + task.y[task.tune]
share = torch.bincount(cell.cpu(), minlength=4).double().view(2, 2)
share = share / share.sum()  # P(s, y) of the tuning people


def nats(p: torch.Tensor) -> float:
    """Return the entropy of a distribution."""
    return float(torch.special.entr(p).sum())


guess, told = nats(share.sum(1)), nats(share) - nats(share.sum(0))
assert told < guess
print(f"H(s) = {guess:.4f} nats, H(s | y) = {told:.4f} nats")
print(
    f"a perfect classifier lets the DP adversary gain {guess - told:.4f} nats, the EO adversary 0"
)

# %% [markdown]
# ## One step, through a frozen network
#
# Both gradients come from one forward pass and two backward passes; no weight of BASE gets a gradient.

# %%
source_of(rp.Game.gradients)

# %% [markdown]
# A frozen network can be rewritten for speed. Batch norm that no longer learns is a factor and a shift, which the convolution before it
# takes over. And since the trigger is the same in every image, its gradient is a *sum* over images, and a sum can be taken before
# the first convolution's transpose instead of after it. Neither may change a logit.

# %%
x_few = as_pixels(people.x[task.tune[:64]])
fast = rp.frozen_copy(base, x_few[:2])
with torch.no_grad(), full_precision():  # a GPU rounds by default
    off = float((fast(x_few) - base(x_few)).abs().max())
norms = [sum(isinstance(m, torch.nn.BatchNorm2d) for m in net.modules()) for net in (base, fast)]
assert norms[1] == 0 and off < 1e-3 and state_digest(base) == fingerprint
print(f"batch norms: {norms[0]} before, {norms[1]} after; no logit moves by a thousandth")

# %% [markdown]
# What the method promises must hold exactly: no weight of BASE moves, no pixel outside the mask changes, and at $\lambda = 0$ the update is
# orthogonal to the adversary's gradient. These are claims like any other.

# %% tags=["hide-input"]
record.keep(study.exact.invariants(task, cfg))
exact_claims = of_chapter(record, "exact.")
say(
    "Of {n} such promises {k} hold in the runs at hand.",
    n=len(exact_claims),
    k=sum(v.verdict == "reproduced" for v in exact_claims),
)

# %% [markdown]
# ## The method, written out
#
# Now all of it once more, without the package: data, losses, loop and the point in the plane, in plain torch. The pictures are a toy of 10 × 10 pixels, so that
# it runs in seconds. Two stripes carry the information: a noisy red one speaks of the label and a clear blue one of the group, which has
# the same value as the label three times in four.

# %%
import torch.nn.functional as F
from torch import nn


def toy_people(n, purpose):
    """Return n pictures (n, 3, 10, 10), their labels and their groups."""
    rng = torch_rng(0, purpose)
    s = torch.randint(0, 2, (n,), generator=rng)
    y = torch.where(torch.rand(n, generator=rng) < 0.75, s, 1 - s)
    x = 0.35 * torch.rand(n, 3, 10, 10, generator=rng)
    red = 0.3 * y + 0.2 * torch.randn(n, generator=rng)
    blue = 0.3 * s + 0.12 * torch.randn(n, generator=rng)
    x[:, 0, 1:5, 5:10] += red[:, None, None]
    x[:, 2, 6:10, 3:10] += blue[:, None, None]
    return x.clamp(0, 1), y, s


def toy_network(seed):
    """Return a small network that learned from the toy's people: finished and frozen."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Flatten(), nn.Linear(200, 24), nn.ReLU(), nn.Linear(24, 2),
        )  # fmt: skip
    learn_x, learn_y, _ = toy_people(300, "toy people")
    adam = torch.optim.Adam(net.parameters(), 5e-3)
    for _ in range(60):
        adam.zero_grad()
        F.cross_entropy(net(learn_x), learn_y).backward()
        adam.step()
    return net.eval().requires_grad_(False)


# %% [markdown]
# One of these networks is the toy's BASE.

# %%
f = toy_network(0)
toy_tuning, toy_test = toy_people(300, "toy tuning"), toy_people(1000, "toy test")
grey = toy_test[0].clone()
grey[:, 2, 6:10, 3:10] = 0.3  # no blue stripe: many answers change
assert float((f(grey).argmax(1) != f(toy_test[0]).argmax(1)).float().mean()) > 0.1

# %% [markdown]
# The toy's BASE leans on the blue stripe, because the group says something about the label. Now the trigger. Read the function from top to bottom: a mask and the room, what
# learns, and then a loop of one forward pass, two gradients and two steps. There is a patch of four pixels' side here; for a border only the first two lines change.


# %%
def reprogram(f, x, y, s, lam, steps=60, ramp=0.5, guard=0.05, project=True):
    """Return a patch in the corner, (3, h, w), that was trained for equalised odds."""
    # room: a blank square, the same in every picture
    mask = torch.zeros(x.shape[2:], dtype=torch.bool)
    mask[:4, :4] = True
    room = x.masked_fill(mask, 0.0)
    # what learns: the pixels before their bound, and the discriminator with its temperature
    start = torch.rand(x.shape[1:], generator=torch_rng(0, "trigger"))
    w = (0.5 + 0.1 * (2 * start - 1)).requires_grad_()
    d = nn.Sequential(nn.Linear(6, 16), nn.LeakyReLU(0.2), nn.Linear(16, 2))
    rng = torch_rng(0, "discriminator")
    for layer in (d[0], d[2]):
        nn.init.kaiming_normal_(layer.weight, 0.2, generator=rng)
        nn.init.zeros_(layer.bias)
    c = torch.ones((), requires_grad=True)
    of_d = [c, *d.parameters()]
    adam, adam_d = torch.optim.Adam([w], 0.02), torch.optim.Adam(of_d, 0.01)
    # what a guess loses that knows the label: H(s | y)
    joint = torch.bincount(2 * y + s).float() / len(s)
    alone = torch.bincount(y).float() / len(y)
    blind = torch.special.entr(joint).sum() - torch.special.entr(alone).sum()
    for i in range(steps):
        # forward, through a network that does not move
        o = f(room + torch.where(mask, torch.tanh(w), 0.0))
        p = torch.softmax(o * (1 + c.abs()), 1)
        guess = d(torch.cat([o, p, p * F.one_hot(y, 2)], 1))
        utility, adversary = F.cross_entropy(o, y), F.cross_entropy(guess, s)
        (g_y,) = torch.autograd.grad(utility, w, retain_graph=True)
        g_z, *g_d = torch.autograd.grad(adversary, [w, *of_d])
        # the update that is really done
        now = lam * min(i / steps / ramp, 1) * float(adversary - blind < guard)
        u = g_z / g_z.norm()
        w.grad = g_y - now * g_z - (project * (g_y * u).sum()) * u
        for parameter, gradient in zip(of_d, g_d, strict=True):
            parameter.grad = gradient
        adam.step()
        adam_d.step()
    return torch.where(mask, torch.tanh(w.detach()), 0.0)


# %% [markdown]
# Accuracy, the gap and the share of positive decisions come from decisions alone.


# %%
def point(y_hat, y, s):
    """Return accuracy, EO and the share of positive decisions."""
    rate = {
        (a, b): float(y_hat[(s == a) & (y == b)].float().mean()) for a in (0, 1) for b in (0, 1)
    }
    odds = sum(abs(rate[1, b] - rate[0, b]) for b in (0, 1)) / 2
    return float((y_hat == y).float().mean()), odds, float(y_hat.float().mean())


# %% [markdown]
# The ramp lets $\lambda$ grow over the first half, and the guard drops the adversary's term while the discriminator is worse than a guess. Both are ours, and
# the table of differences says why. The update itself is the released one; its start, its batches and its rates are other ones there.

# %% [markdown]
# **The same numbers.** The package does the same on a rewritten copy of the network, in which batch norm is gone and the first convolution's
# transpose runs once instead of once per picture. So the pixels must agree up to rounding. And `point` must say of both triggers what the package's own definitions say.

# %%
test_x, test_y, test_s = toy_test
slow = reprogram(f, *toy_tuning, lam=2.0, steps=20)
toy_x, toy_y, toy_s = toy_tuning
package = rp.Trigger(
    f, shape=rp.Patch(4), start=0.1, centre=0.5, criterion="eo", lam=2.0, ramp=0.5, guard=0.05,
    hidden=(16,), epochs=20, batch=300, lr=0.02, lr_d=0.01, drops=(), flip=False,
).fit(toy_x, toy_y, s=toy_s)  # fmt: skip
apart = float((package.image - slow).abs().max())
travelled = float((slow - torch.tanh(torch.tensor(0.5))).abs()[:, :4, :4].max())
assert apart < 1e-3 < 0.1 < travelled
for image in (slow, package.image):
    y_hat = f(test_x.masked_fill(slow.abs().sum(0) > 0, 0.0) + image).argmax(1)
    accuracy, odds, positive = point(y_hat, test_y, test_s)
    y_of, y_hat_of, s_of = test_y.numpy(), y_hat.numpy(), test_s.numpy()
    assert np.isclose(odds, float(DEFINITIONS["equalized_odds_mean"](y_of, y_hat_of, s_of)))
    assert np.isclose([accuracy, positive], [(y_hat_of == y_of).mean(), y_hat_of.mean()]).all()
print("after 20 updates no pixel of the two triggers differs by a thousandth")

# %% [markdown]
# Why only after 20 updates? The direction $u$ has length one however short $g_z$ is. Where the discriminator has nothing left to read, $g_z$ is almost zero, and
# rounding then turns $u$ around. Two exact versions of one method may end at different triggers, and so may two seeds. It is one reason for
# the wide intervals below.

# %% [markdown]
# Now move $\lambda$. Each stop of the slider is a training of its own by the function above, on the same toy.

# %%
toy_lams = [0.0, 1.0, 2.0, 8.0, 16.0]
toy_points = {}
for lam in toy_lams:
    patch = reprogram(f, *toy_tuning, lam)
    covered = test_x.clone()
    covered[:, :, :4, :4] = 0
    toy_points[lam] = point(f(covered + patch).argmax(1), test_y, test_s)
toy_base = point(f(test_x).argmax(1), test_y, test_s)
toy_curves = {
    name: [toy_points[lam][i] for lam in toy_lams]
    for i, name in enumerate(("accuracy", "EO", "share of positive decisions"))
}

# %% tags=["hide-input"]
curves(
    toy_lams,
    toy_curves,
    says=[
        f"At λ = {lam:g} the accuracy is {a:.3f} and EO is {odds:.3f}; {share:.1%} get a yes."
        for lam, (a, odds, share) in toy_points.items()
    ],
    label="strength λ of the adversary's gradient",
    ylabel="share of the toy's test people",
    ylim=(0, 1),
    even=True,
    border=0.5,
    still=drawings.strengths(toy_lams, toy_curves, "λ"),
    caption="The toy with a patch, trained for equalised odds with five strengths; the dashed line is one half. One training each.",
    alt="Three curves over lambda: accuracy, the gap in equalised odds and the share of positive decisions.",
    name="toy-strength",
)
say(
    "Without a patch the toy's accuracy is {acc:.3f} and its EO {odds:.3f}. At the largest λ EO is {low:.3f}, and the share of people with a yes is {share:.1%} "
    "instead of {before:.1%}.",
    acc=toy_base[0],
    odds=toy_base[1],
    before=toy_base[2],
    low=toy_points[toy_lams[-1]][1],
    share=toy_points[toy_lams[-1]][2],
)

# %% [markdown]
# Watch the third curve while you move. A gap may close because the network has gone deaf to the group. It may also close because decisions
# run to one side, and then every measure of this kind goes down with them: that is {term}`collapse` in slow motion. The first two
# curves cannot tell one from the other. Keep this in mind for the real thing.

# %% [markdown]
# ## Why it could work: two vocabularies
#
# The paper's theorem lives in a small world. A label $y$ and a group $s$ depend on each other, and together they write a
# text: some words are drawn given $y$, others given $s$. The best classifier reads both kinds, because $s$ tells
# about $y$. Its decision is a function $h$ of two posteriors, $p(y \mid \text{words of } y)$ and
# $p(s \mid \text{words of } s)$.

# %%
source_of(TwoVocabularies.h)

# %% [markdown]
# The sum runs over the group: what a text says of $s$ is weighed by what $s$ says of the label. Nothing else is needed to decide.

# %% tags=["hide-input"]
show(
    mechanisms.deafened(),
    name="deafened",
    caption="The theorem's world. The trigger word drowns what the other words say of the group; then only the words of the label are left.",
    alt="Words of the label and words of the group lead to two posteriors, and both to a function h and the decision. A trigger word "
    "pushes the second posterior to one for everybody.",
)

# %% [markdown]
# Now put one more word into *every* text: a word that says "$s = 1$" loudly. The second posterior goes to one for everybody, $h$ no
# longer has anything to read there, and the {term}`mutual information` $I(\hat y; s \mid y) \to 0$. The network is not deaf to the group. It is deafened.

# %% [markdown]
# The world is small enough to write down every text, so nothing has to be estimated.

# %%
world = study.theory.world()
strength = 1 / (1 + np.exp(-np.linspace(-7, 7, 21)))
hard = [world.triggered(float(p)) for p in strength]
soft = [world.triggered(float(p), soft=True) for p in strength]
moved = [world.threshold(at) for at in np.linspace(0, 1, 26)]
plain = world.triggered()
record.keep(study.theory.measures())
assert hard[-1].given_y < 1e-12 < plain.given_y and hard[-1].marginal > 0.01
# a threshold that says as little about the group decides (nearly) the same for everybody
silent = [o.accuracy for o in moved if o.given_y < plain.given_y / 10]
assert max(silent) < hard[-1].accuracy - 0.2

# %% tags=["hide-input"]
show(
    drawings.theorem(
        strength,
        {
            "I(ŷ; s | y), threshold at one half": [o.given_y for o in hard],
            "I(ŷ; s | y), drawn from the posterior": [o.given_y for o in soft],
            "I(ŷ; s), threshold at one half": [o.marginal for o in hard],
        },
        [(o.given_y, o.accuracy) for o in moved],
        [(o.given_y, o.accuracy) for o in hard],
        (plain.given_y, plain.accuracy),
    ),
    name="theorem",
    caption="The small world, enumerated. Left: information about the group in the decisions, by "
    "what the trigger word says. Right: the same triggers against moved thresholds.",
    alt="Left, three curves that are high in the middle, where the word says nothing, and fall "
    "towards both ends; two reach zero, the third does not. Right, trigger points at zero "
    "information lie far above the moved thresholds at zero information.",
)

# %% tags=["hide-input"]
say(
    "With the strongest word I(ŷ; s | y) falls from {before:.4f} to {after:.4f} nats and accuracy from "
    "{acc:.3f} to {acc_after:.3f}. I(ŷ; s) stays at {dp:.4f}: the theorem gives equalised odds, not parity.",
    before=plain.given_y,
    after=hard[-1].given_y,
    acc=plain.accuracy,
    acc_after=hard[-1].accuracy,
    dp=hard[-1].marginal,
)

# %% [markdown]
# In this world a trigger does what no threshold can. Two conditions are hidden in it. The network must be the *best* classifier, one that really
# takes posteriors. And the evidence about $s$ must **saturate**: more of it must stop to matter. Does a network saturate?

# %% [markdown]
# ### A network that cannot
#
# Let features be local, average them over the picture, and put a linear layer on top. A trigger then adds the same number to everybody's logit.
# That is a {term}`moved threshold`, whatever the pixels are.

# %% tags=["hide-input"]
show(
    mechanisms.linear_head(),
    name="linear-head",
    caption="What a border does to local features that are averaged before a linear head.",
    alt="The inner picture of a person and the ring, which is the same for all, each go through local features into one mean and a "
    "linear layer. The logit is a sum of a person's part and a part of the ring.",
)

# %% [markdown]
# The two streams meet in a sum only. Person $i$ brings $a_i$, the ring brings $b$ for everybody, and to ask whether $a_i + b$ is positive is to ask whether
# $a_i$ exceeds $-b$. A border can then be loud or clever: it stays a number. To do more, the ring must change *how* the inner picture is read, and
# for this the streams have to meet before something bends, such as a ReLU.

# %%
source_of(Pooled.forward)

# %% [markdown]
# Here is that network with random weights, beside BASE, before and after a random border fills the ring:

# %%
test_rows = task.test[:200]
x_some = as_pixels(people.x[test_rows])
put = untrained["border"]
linear = Pooled(generator=torch_rng(seed, "pooled")).to(device)
logit = {}
with torch.no_grad():
    for name, net in (("global pooling, linear head", linear), ("BASE", base)):
        o = torch.stack([net(put.shape.make_room(x_some, put.mask)), net(put(x_some))])
        logit[name] = (o[..., 1] - o[..., 0]).cpu().numpy()  # without and with, by person
spread = {name: float(np.std(after - before)) for name, (before, after) in logit.items()}
assert spread["global pooling, linear head"] < 1e-5 < 1e-2 < spread["BASE"]

# %% tags=["hide-input"]
say(
    "The shift of the additive network does not vary over people by a hundred-thousandth (it is rounding), that of BASE "
    "has a standard deviation of {bent:.2f}. A deep network is not additive, so the door is open; whether the trigger goes "
    "through it is a question for the experiment.",
    bent=spread["BASE"],
)

# %% [markdown]
# ## The experiment
#
# For each seed: one BASE; triggers of both shapes for both criteria and several $\lambda$; and the paper's two rivals, which move all weights by
# the same update. *AdvIn* learns from scratch on the training people, *AdvPost* goes on from BASE with the tuning people.
#
# And the {term}`controls <control>`, none of which is in the paper: the **constant**, the **mixing line**, BASE with a **moved threshold**, a **random trigger**, and a
# trigger with $\lambda = 0$.

# %% [markdown]
# The random trigger is the noise that the released code starts from, $w$ uniform on (−1, 1). Ours start from a quiet grey instead, so it is
# *not* our trigger untrained; that one is measured below, too. Each training offers a few snapshots; we take the least biased one *on validation people* that keeps
# half of BASE's gain over the constant, and the most accurate one where there is none.

# %% [markdown]
# **The protocol, whole.** One training is a method, a criterion and a strength on one BASE. Who meets whom is in the drawing; the function
# below it is all of it.

# %% tags=["hide-input"]
show(
    mechanisms.protocol(),
    name="protocol",
    caption="One cell of the experiment with a trigger, and the four sets of people that it meets.",
    alt="Training people fit BASE, which is frozen. Tuning people fit a trigger with one strength, which offers a few snapshots. Validation "
    "people choose one of them, and test people decide about accuracy, DP and EO.",
)

# %% [markdown]
# No arrow leads from the test people upwards: they are asked once, at the end. And the validation people choose twice, a snapshot here and a
# strength $\lambda$ later; both times by the same rule, least bias among what is accurate enough.

# %%
source_of(study.models.trained)

# %% [markdown]
# From top to bottom: `rows` are the people that the method may learn from, and `config` is the strength with everything that goes with it. `train` runs only where the
# result is not kept already. Its `_Watcher` looks at validation people while the training runs, and at the end its choice and the last state are both kept.
# A trigger gets `train_trigger`, the loop that you have read in plain form; AdvIn and AdvPost get `train_weights`, the same loop on all weights.

# %% [markdown]
# Which snapshot is taken? The rule is a floor on accuracy and then the least bias:

# %%
source_of(fairest)

# %% [markdown]
# And what is measured of each? Accuracy, both gaps, the share of positive decisions, and whether everybody got the same answer:

# %%
source_of(study.models.scores)

# %% [markdown]
# Now everything is trained, for every method, criterion, strength and seed. Finished trainings are kept, so that an interrupted run goes on where it was.

# %%
board = study.run_board(task, cfg)
record.keep(study.measures.table(board, cfg.costs))
n_test = len(task.test)
assert cfg.floor == 0.5  # "half of BASE's gain"
assert state_digest(base) == fingerprint  # after all of this, BASE is what it was

# %% [markdown]
# What does a trained trigger look like? Noise to the eye, greyer than the random one, because it started from grey. No picture or word shows what a trigger says; later we ask a classifier.

# %% [markdown]
# But we can turn one up slowly, and see it. The slider multiplies the pixels of the strongest border for EO, from nothing to all of it, on faces that it already made smaller.
# Below the picture stands what BASE decides about test people.

# %%
chosen = board.results["border", "eo", max(cfg.grids["border"]["eo"])][0]
fading = study.side.rebuilt(task, cfg, chosen)
some = task.test[:2000]
y_some, s_some = task.y[some].cpu().numpy(), task.s[some].cpu().numpy()
turned, frames = {}, []
for t in (0.0, 0.25, 0.5, 0.75, 1.0):
    with torch.no_grad():
        fading.weight.copy_(torch.atanh(t * torch.from_numpy(chosen.pixels)).to(fading.weight))
        frames.append(fading(as_pixels(portraits[:1]))[0].clamp(0, 1).cpu())
    y_hat = (study.models.margins(base, people.x[some], fading) > 0).astype(int)
    turned[t] = study.models.scores(y_some, y_hat, s_some)
assert np.allclose(  # all of it is the trigger that was judged above
    turned[1.0]["positive"], (chosen.margin["test"][: len(some)] > 0).mean(), atol=5e-3
)

# %% tags=["hide-input"]
turned_curves = {
    text: [turned[t][key] for t in turned]
    for key, text in (("accuracy", "accuracy"), ("eo", "EO"), ("positive", "positive decisions"))
}
slide(
    list(turned),
    torch.stack(frames),
    [Track(name, heights) for name, heights in turned_curves.items()],
    [
        f"With {t:.0%} of the border {row['positive']:.1%} get a yes; accuracy {row['accuracy']:.3f}, EO {row['eo']:.3f}."
        for t, row in turned.items()
    ],
    still=drawings.strengths(list(turned), turned_curves, "share of the border's pixel values"),
    label="how much of the border",
    ylabel="share of test people",
    caption=f"A border for EO, λ = {max(cfg.grids['border']['eo']):g}, first seed, from an empty ring to the whole trigger; n = {len(some)} test people.",
    alt="A drawn face inside a ring that goes from black to its trained pixels, beside three curves: accuracy, EO and the share of positive decisions.",
    name="border-strength",
)
plain_share = float(((board.base[0].margin["test"][: len(some)] > 0) == y_some).mean())
say(
    "The empty ring alone brings the share of positive decisions from {plain:.1%} to {empty:.1%} and accuracy from {acc:.3f} to {acc_empty:.3f}: smaller pictures in a "
    "black frame are strange to BASE. The whole border ends at {full:.1%} and {acc_full:.3f}.",
    plain=float((board.base[0].margin["test"][: len(some)] > 0).mean()),
    acc=plain_share,
    empty=turned[0.0]["positive"],
    acc_empty=turned[0.0]["accuracy"],
    full=turned[1.0]["positive"],
    acc_full=turned[1.0]["accuracy"],
)

# %% [markdown]
# Where the empty ring costs accuracy, a border has to repair the damage of its own frame before it can do anything about groups. A patch hides a corner and leaves the
# rest of the picture as it is.

# %% tags=["hide-cell"]
expect(
    turned[0.0]["accuracy"] < plain_share - 0.02,
    "the empty ring alone costs accuracy",
    "In this run the empty ring costs no accuracy to speak of.",
    only="laptop",
)
for name, several in board.results.items():
    if name[0] in untrained:
        inside = several[0].pixels[:, untrained[name[0]].mask.cpu().numpy()]
        loud = untrained[name[0]].pixels().detach()[:, untrained[name[0]].mask]
        assert inside.mean() > float(loud.mean())  # grey, where the random one is around black

# %% [markdown]
# ### Equalised odds
#
# The plane of accuracy and bias. To the right is less bias, and up is more accuracy, so the upper right corner is where everybody wants to go.

# %% tags=["hide-input"]
METRIC = {"eo": "equalized_odds_mean", "dp": "demographic_parity_gap"}
cost = cfg.costs[min(1, len(cfg.costs) - 1)]  # the price in accuracy at which methods are compared


def printed(criterion: str, price: float) -> dict[str, tuple[float, float]]:
    """Return each method's published point whose price is nearest to ours, in our units."""
    given, unit = published.POINTS[criterion], {"eo": 1, "dp": 2}[criterion]
    goal = given["base"][0][0] - price
    nearest = {m: min(points, key=lambda p: abs(p[0] - goal)) for m, points in given.items()}
    return {m: (accuracy, unit * gap) for m, (accuracy, gap) in nearest.items()}


def placed(criterion: str) -> tuple[pd.DataFrame, dict]:
    """Return the points of a criterion, one per method and λ, and the grey controls."""
    found = {("base", 0.0): "base"} | {
        (f"random-{m}", 0.0): f"random-{m}" for m in ("border", "patch")
    }
    for method, c, lam in sorted(board.results):
        if c == criterion:
            found[method if lam else "lam0", lam] = f"{method}.{c}.lam{lam:g}"
    ends = ("acc", criterion)
    points = drawings.points(
        {k: tuple(record.estimate(f"{i}.{e}") for e in ends) for k, i in found.items()}
    )
    margin = board.base[0].margin["test"].astype(float)
    return points, plots.controls(y_test, s_test, margin, METRIC[criterion])


# %% [markdown]
# A point is worth something where it lies above the mixing line, so that is counted, too.


# %% tags=["hide-input"]
def counted(points: pd.DataFrame, grey: dict) -> None:
    """Say how many points lie above the mixing line."""
    line = np.column_stack([grey["mixing"].fairness, grey["mixing"].accuracy])
    line = line[np.argsort(line[:, 0])]
    above = points["accuracy"] > np.interp(points["bias"], *line.T)
    put, moved = (
        points["method"].isin(some) for some in (("border", "patch"), ("advin", "advpost"))
    )
    say(
        "Of the {n} points of triggers {k} lie above the mixing line, and of the {m} points of retrained models {j} "
        "(a point with more bias than BASE is compared with BASE).",
        n=int(put.sum()),
        k=int((above & put).sum()),
        m=int(moved.sum()),
        j=int((above & moved).sum()),
    )


# %% [markdown]
# Now the plane itself: points, bars and the grey controls on the same people.


# %% tags=["hide-input"]
def plane(criterion: str) -> None:
    """Show the trade-off of a criterion with every control."""
    points, grey = placed(criterion)
    fig = plots.plot_tradeoff(
        points,
        metric=METRIC[criterion],
        fairness="bias",
        draw=None,
        labels=drawings.METHODS,
        order=[m for m in drawings.METHODS if m in set(points["method"])],
        published=printed(criterion, cost) if real else None,
        **grey,
    )
    low = min(points["accuracy_low"].min(), grey["constant"].accuracy)
    fig.axes[0].set_ylim(bottom=low - 0.02)  # thresholds below that say yes to nearly everybody
    show(
        fig,
        name=f"tradeoff-{criterion}",
        caption=f"Accuracy and {criterion.upper()} of {cfg.target}, {people.name}, n = {n_test} test people, "
        f"means over {cfg.seeds} seeds; a point per λ, bars are 95 % bootstrap intervals over "
        "people. The grey controls start at BASE of the first seed."
        + (" The paper's DP is doubled." if real and criterion == "dp" else ""),
        alt="Accuracy against bias: a point with bars for every method and λ. A dotted line leads from BASE "
        "to the constant classifier, which has no bias, and a dashed curve shows moved thresholds.",
    )
    counted(points, grey)


plane("eo")

# %% [markdown]
# Read it from the grey lines. A point *on* the dotted line is worth as much as a coin. A point near the grey cross has no bias because
# it has no decisions: that is {term}`collapse`, and it is shown, not left out.

# %% [markdown]
# ### Demographic parity
#
# The same for the other criterion. Here the label is allowed to matter less: a classifier that is always right has a gap, too.

# %% tags=["hide-input"]
plane("dp")

# %% [markdown]
# ### The same planes on photographs
#
# The faces above are drawn. The committed record has the same experiment on photographs of CelebA, with three trainings of everything and many more
# test people. Its thresholds at every cut are not in the record, so their curve is missing here; the comparison at one price follows below.

# %% tags=["hide-input"]
of_photos = study.configuration("laptop", "real", 0)
floor = photos.estimate("constant.acc").value
shown = {c: drawings.recorded(photos, of_photos.grids, c, floor - 0.02) for c in ("eo", "dp")}
show(
    drawings.photographs(shown, floor, {c: printed(c, of_photos.costs[1]) for c in shown}),
    name="photographs",
    caption="The committed record on photographs: accuracy and bias of Blond_Hair, a point per method and λ (mean of three trainings, bars are 95 % "
    "bootstrap intervals over people). Hollow diamonds: the paper's point whose price is nearest to three points of accuracy, its DP doubled. Points "
    "more than two points of accuracy below the constant are not drawn.",
    alt="Two panels, equalised odds and demographic parity. Points of triggers and retrained models lie around a dotted line from BASE to the "
    "constant classifier.",
)
below = {c: [] for c in shown}
for c, methods in shown.items():
    (top, most), *_ = methods["base"]
    for accuracy, bias in methods["border"] + methods["patch"]:
        coin = most.value * (accuracy.value - floor) / (top.value - floor)
        below[c].append(bias.value < coin)
assert all(  # BASE has more bias here than in the paper, whose DP is a half
    photos.estimate(f"base.{c}").value > unit * published.POINTS[c]["base"][0][1]
    for c, unit in (("eo", 1), ("dp", 2))
)
say(
    "Of {n_eo} points of triggers {eo} have less bias than the mixing line in equalised odds, and of {n_dp} points {dp} in demographic parity. That "
    "counts points, as the eye does; whether the line is beaten beyond chance is asked below.",
    n_eo=len(below["eo"]),
    eo=sum(below["eo"]),
    n_dp=len(below["dp"]),
    dp=sum(below["dp"]),
)

# %% [markdown]
# Compare this with the paper's picture at the top of the page. Ours begins elsewhere: this BASE has more bias to lose than the paper's. It is also smaller and learned from
# fewer people; what made the difference was not tested.

# %% [markdown]
# ### Which trainings fell
#
# Back to this run. Before any gap is believed, look at what became of every training:

# %% tags=["hide-input"]
fallen = pd.DataFrame(
    [
        {
            "method": drawings.METHODS[method],
            "for": c.upper(),
            "λ": f"{lam:g}",
            "collapsed": f"{sum(board.fallen([one]) for one in several)} of {len(several)}",
            "positive decisions": record.estimate(f"{method}.{c}.lam{lam:g}.positive").value,
            "snapshot": float(np.mean([one.taken for one in several])),
            "above the floor": f"{sum(not one.starved for one in several)} of {len(several)}",
        }
        for (method, c, lam), several in sorted(board.results.items())
    ]
)
tables.table(
    fallen.round(3),
    caption=f"Every training, {cfg.seeds} of each: seeds that gave (nearly) everybody one answer or were no better than a constant, on {n_test} test "
    "people; the share of training at which validation took the snapshot, and how many had one above the floor.",
)

# %% [markdown]
# A row with collapsed seeds has a low bias for a bad reason. A row whose snapshots were never above the floor offers nothing at any price that
# we call reasonable: its point in the plane is the most accurate state of a training that did not work.

# %% [markdown]
# ### What is left after the controls
#
# For each method validation people chose a $\lambda$: the least biased one that costs at most a stated accuracy and has not
# collapsed. Its bias is compared with BASE's, and with that of each rival *at the same accuracy*: a rival that is more accurate is
# mixed with the constant, one that is less accurate with BASE. The moved threshold is chosen on the same validation people.

# %% tags=["hide-input"]
RIVALS = {
    "change": "BASE",
    "vs-mixing": "mixing line",
    "vs-threshold": "moved threshold",
    "vs-random": "random trigger",
    "vs-lam0": "λ = 0",
    "vs-advin": "AdvIn",
    "vs-advpost": "AdvPost",
}


def against(of, method: str, criterion: str, price: float) -> dict[str, object]:
    """Return what a picked method leaves after each rival in a record, where both exist."""
    known = {f"{method}.{criterion}.cost{price:g}.{k}": text for k, text in RIVALS.items()}
    return {
        f"{method} − {text}": of.estimate(i)
        for i, text in known.items()
        if i in of and of.measured(i).values != (None,)
    }


def both_shapes(of, criterion: str, price: float) -> dict[str, object]:
    """Return the same for border and patch together."""
    return against(of, "border", criterion, price) | against(of, "patch", criterion, price)


# %% [markdown]
# The same differences are taken in this run and in the committed record on photographs.

# %% tags=["hide-input"]
left = {f"{c.upper()}, this run": both_shapes(record, c, cost) for c in ("eo", "dp")}
theirs = {
    f"{c.upper()}, photographs": both_shapes(photos, c, of_photos.costs[1]) for c in ("eo", "dp")
}
panels = {title: rows for title, rows in (left | theirs).items() if rows}
show(
    drawings.differences(
        panels, xlabels=dict.fromkeys(panels, "difference; less unfair ←"), columns=2
    ),
    name="left",
    caption=f"Bias of the picked trigger minus that of a rival at the same accuracy; price at most {cost:g} of "
    f"accuracy on validation in this run and {of_photos.costs[1]:g} on photographs. Means over {cfg.seeds} and {of_photos.seeds} "
    "trainings, 95 % bootstrap over people. A row or panel that is missing has no setting within the price.",
    alt="Panels of intervals with a dashed line at zero, a row for each rival.",
)
found = [e for rows in left.values() for e in rows.values()]
if found:
    say(
        "Of these {n} differences {k} are in the trigger's favour by their interval, {j} are against it, and {rest} are undecided.",
        n=len(found),
        k=sum(e.high < 0 for e in found),
        j=sum(e.low > 0 for e in found),
        rest=sum(not e.excludes() for e in found),
    )
else:
    say(
        "No trigger of this run has a setting within the price of {cost:g}: there is nothing to compare.",
        cost=cost,
    )

# %% [markdown]
# These bars are about people only: with the *same* trained models, how would other test people change the number? Would another *training* change it?
# That needs several trainings, and the judge counts both. On the photographs it says:

# %% tags=["hide-input"]
asked_rows = [
    {
        "trigger": method,
        "bias": c.upper(),
        "against": text,
        "difference": "{ours:+.3f} [{low:+.3f}, {high:+.3f}]".format(**v.values),
        "less biased?": v.verdict,
    }
    for c in ("eo", "dp")
    for method in ("border", "patch")
    for k, text in (("mixing", "coin"), ("threshold", "moved threshold"), ("random", "random trigger"), ("lam0", "λ = 0"))
    if (v := judged.get(f"{c}.{method}.{k}")) is not None
]  # fmt: skip
display(
    tables.table(
        pd.DataFrame(asked_rows),
        caption="Photographs: bias of the picked trigger minus that of a control at the same accuracy, price at most three points; 95 % intervals over "
        f"{of_both('base.dp').n:,} people and {shared['n']} trainings.",
    )
)
answers_of = [row["less biased?"] for row in asked_rows]
say(
    "So of {n} comparisons {yes} are a *yes*, {no} a *no* and {rest} *unclear*. For demographic parity the border's bias "
    "is {threshold} that of the moved threshold, and for equalised odds {coin} that of the coin. A *yes* against the coin for the patch, where there is one, "
    "is not yet a *yes* against the threshold.",
    n=len(answers_of),
    yes=answers_of.count("yes"),
    no=answers_of.count("no"),
    rest=answers_of.count("unclear"),
    threshold=shared["threshold"],
    coin=shared["coin"],
)

# %% [markdown]
# Mind the difference between *no* and *unclear*. With three trainings an interval over trainings is wide, and what it cannot exclude it leaves open. The paper
# reports means of three runs without intervals.

# %% [markdown]
# ### Every price, and whole curves


# %% tags=["hide-input"]
def choice(method: str, criterion: str) -> dict[str, object]:
    """Return a row: what validation picked at each price, and what it is at the headline's."""
    lams = {price: board.pick(method, criterion, price) for price in cfg.costs}
    row = {"method": drawings.METHODS[method], "for": criterion.upper()}
    row |= {f"λ at {p:g}": "none" if lam is None else f"{lam:g}" for p, lam in lams.items()}
    for key, text in (("acc", "accuracy"), ("bias", "bias"), ("vs-mixing", "bias minus coin's")):
        known = record.measured(f"{method}.{criterion}.cost{cost:g}.{key}")
        row[text] = "–" if lams[cost] is None else str(known.estimate())
    return row


tables.table(
    pd.DataFrame(
        [choice(m, c) for c in ("eo", "dp") for m in ("border", "patch", "advin", "advpost")]
    ),
    caption=f"λ picked on validation people at three prices, and test people's numbers at {cost:g}.",
)

# %% [markdown]
# One price shows one point of each curve. To compare whole curves, take one number: the accuracy gained over the constant classifier, averaged over limits on the bias
# from none to BASE's. Curves and thresholds are chosen on validation people. And everybody may toss coins: any setting may be mixed with another and with the constant, so that a few points
# stand beside curves on equal terms.

# %%
record.keep(study.beaten(board))
beats = controls.answers(
    record,
    {
        f"{m}.{c}": f"{m}, {c.upper()}"
        for m in ("border", "patch")
        for c in ("eo", "dp")
        if board.lams(m, c)
    },
    {"noise": "a random trigger"},
)
tables.table(
    controls.table(beats),
    caption="Do triggers beat what costs nothing? The answer, and the trigger's number minus the control's, with 95 % intervals over people and trainings.",
)

# %% [markdown]
# A positive number says that the trigger is better. An interval that is positive as a whole is a *yes*; one that is negative as a whole is a *no*; one on both
# sides is *unclear*. The intervals are over people *and* trainings: with few trainings they are wide. A threshold for each group has to be told who is who, and a trigger is the same for everybody.
# The record on photographs is older than this comparison and does not hold it; what it says about one price stands in the table before.

# %% [markdown]
# ### What noise does

# %% [markdown]
# A random trigger is in the comparison for a reason. Noise that a network has never seen can push all of its decisions to one side: towards *yes* on
# our drawn faces, towards *no* on the photographs. That alone is a moved threshold, without any training, and at its end stands the constant answer.

# %% tags=["hide-input"]
for shape in ("border", "patch"):
    say(
        "With the random {shape} BASE says yes to {yes} of the people instead of {plain}. Accuracy is {acc}, EO {eo} and "
        "DP {dp}; its EO minus that of a coin at the same accuracy is {mix}.",
        shape=shape,
        yes=record.estimate(f"random-{shape}.positive"),
        plain=record.estimate("base.positive"),
        acc=record.estimate(f"random-{shape}.acc"),
        eo=record.estimate(f"random-{shape}.eo"),
        dp=record.estimate(f"random-{shape}.dp"),
        mix=record.estimate(f"random-{shape}.eo-vs-mixing"),
    )
for of, sign, sentence in (
    ((record if not real else None), 1, "the random border pushes drawn faces towards yes"),
    (photos, -1, "the random border pushes photographs towards no"),
):
    if of is not None:
        pushed = of.estimate("random-border.positive").value - of.estimate("base.positive").value
        expect(
            sign * pushed > 0.05, sentence, f"Not in the run at hand: {sentence}.", only="laptop"
        )

# %% [markdown]
# And our own triggers before their training, a quiet grey?

# %% tags=["hide-input"]
quiet = {}
for name, shape in shapes.items():
    start = rp.TriggerModule(shape, size, start=cfg.start, centre=cfg.centre,
                             generator=torch_rng(base_seed, "trigger")).to(device)  # fmt: skip
    y_hat = (study.models.margins(base, people.x[task.test], start) > 0).astype(int)
    quiet[name] = (
        float((y_hat == y_test).mean()),
        float(DEFINITIONS["equalized_odds_mean"](y_test, y_hat, s_test)),
    )
plain_acc = float(((board.base[0].margin["test"] > 0) == y_test).mean())
say(
    "Before the first BASE (accuracy {base:.3f}) the start of our patch leaves an accuracy of {patch:.3f} and an EO of {patch_eo:.3f}, "
    "that of our border {border:.3f} and {border_eo:.3f}.",
    base=plain_acc,
    patch=quiet["patch"][0],
    patch_eo=quiet["patch"][1],
    border=quiet["border"][0],
    border_eo=quiet["border"][1],
)
expect(
    quiet["patch"][0] > plain_acc - 0.05,
    "with the grey patch BASE begins at nearly its accuracy",
    "In this run the grey patch costs BASE much of its accuracy before any training.",
    only="laptop",
)

# %% [markdown]
# ## How training goes
#
# Two numbers tell most of the story: how far the pixels moved, and whether the discriminator still reads the group. A discriminator that does no better than
# to guess the larger group has nothing left to read; ask first whether there are decisions left.

# %% tags=["hide-input"]
histories = {
    f"{m}, λ = {lam:g}": board.results[m, "eo", lam][0].history
    for m in ("border",)
    for lam in cfg.grids[m].get("eo", ())
}
tuned_on = task.s[task.tune].cpu().double().mean().item()
ending = [history[-1] for history in histories.values()]
say(
    "At the end these pixels are between {near:.1f} and {far:.1f} away from their start, and the discriminator is right about "
    "{low:.2f} to {high:.2f} of the people; guessing the larger group is right about {share:.2f}.",
    near=min(e["movement"] for e in ending),
    far=max(e["movement"] for e in ending),
    low=min(e["d_accuracy"] for e in ending),
    high=max(e["d_accuracy"] for e in ending),
    share=max(tuned_on, 1 - tuned_on),
)
expect(
    min(e["d_accuracy"] for e in ending) > max(tuned_on, 1 - tuned_on) + 0.02,
    "every discriminator still reads something at the end",
    "In this run a discriminator has hardly anything left to read at the end.",
    only="laptop",
)

# %% [markdown]
# ## Fewer people, other sizes
#
# A trigger has few parameters, so it might need few people. The paper fixes $\lambda$, tunes with ever fewer people (down to 1 %), and finds that
# triggers stay ahead of BASE while AdvPost falls behind. It also makes patches larger: less unfair, less accurate.

# %%
fewer, fewer_entries = study.side.ratios(task, cfg, board)
larger, larger_entries = study.side.sizes(task, cfg, board)
record.keep(fewer_entries | larger_entries)

# %% [markdown]
# This run first, and below it the committed record on photographs.

# %% tags=["hide-input"]
panels, axes_of = {"tuning people": {}}, {"tuning people": "share that is used"}
for (m, ratio), _ in fewer.sort_values("ratio").groupby(["method", "ratio"], sort=False):
    line = panels["tuning people"].setdefault(drawings.METHODS[m], {})
    line[f"{ratio:.0%}"] = record.estimate(f"ratio.{m}.r{ratio:g}.eo")
for m, rows in larger.sort_values("size").groupby("method"):
    panels[f"size of the {m}"] = {
        drawings.METHODS[m]: {
            str(k): record.estimate(f"size.{m}.s{k}.eo") for k in dict.fromkeys(rows["size"])
        }
    }
    axes_of[f"size of the {m}"] = {"border": "width, pixels", "patch": "side, pixels"}[m]
show(
    drawings.curves(
        panels, xlabels=axes_of, ylabel="EO", references={"BASE": record.estimate("base.eo")}
    ),
    name="beside",
    caption=f"EO with fewer tuning people and other sizes, λ as picked before; n = {n_test} test people, mean over "
    f"{max(cfg.side_seeds, 1)} of {cfg.seeds} seeds, 95 % bootstrap over people. Band: BASE.",
    alt="Panels with a line per method, with bars, and a grey band for BASE.",
)
# %% [markdown]
# In numbers, and with the trainings that ended at a constant answer counted:

# %% tags=["hide-input"]
few_people = min(cfg.ratios)
if few_people < 1:
    say(
        "With {share:.0%} of the tuning people EO minus BASE's is {border} for the border, {patch} for the patch and {advpost} for "
        "AdvPost: only numbers below zero are ahead of BASE.",
        share=few_people,
        **{
            m: record.estimate(f"ratio.{m}.r{few_people:g}.change")
            for m in ("border", "patch", "advpost")
        },
    )
for m in cfg.sizes:
    say(
        "From the smallest {shape} to the largest, EO changes by {eo} and accuracy by {acc}.",
        shape=m,
        eo=record.estimate(f"size.{m}.eo-gain"),
        acc=record.estimate(f"size.{m}.acc-gain"),
    )

gone = pd.concat([fewer, larger])
say(
    "Of these {n} trainings {k} ended at a constant answer or no better than one, and accuracy runs from {low:.3f} to {high:.3f}: "
    "look at it before you call a low EO fair.",
    n=len(gone),
    k=int(gone["collapsed"].sum()),
    low=float(gone["acc"].min()),
    high=float(gone["acc"].max()),
)

# %% [markdown]
# On photographs the same was asked with one training of each:

# %% tags=["hide-input"]
panels = {"tuning people": {}}
for m in ("border", "patch", "advpost"):
    panels["tuning people"][drawings.METHODS[m]] = {
        f"{ratio:.0%}": photos.estimate(f"ratio.{m}.r{ratio:g}.eo") for ratio in of_photos.ratios
    }
usual = {"border": of_photos.shape("border").width, "patch": of_photos.shape("patch").size}
for m, several in of_photos.sizes.items():
    panels[f"size of the {m}"] = {
        drawings.METHODS[m]: {
            str(k): photos.estimate(f"size.{m}.s{k}.eo") for k in sorted({*several, usual[m]})
        }
    }
show(
    drawings.curves(
        panels,
        xlabels={"tuning people": "share that is used", "size of the border": "width, pixels",
                 "size of the patch": "side, pixels"},
        ylabel="EO",
        references={"BASE": photos.estimate("base.eo")},
    ),
    name="beside-photographs",
    caption="Photographs: EO with fewer tuning people and other sizes, one training each, 95 % bootstrap over people. Band: BASE, three trainings.",
    alt="Three panels with lines for border, patch and AdvPost with bars, and a grey band for BASE.",
)  # fmt: skip

# %% [markdown]
# What follows from one training of each? The judge is asked about the paper's claims on these numbers:

# %% tags=["hide-input"]
about_side = [
    c for c in load_claims("reprogramming_vision") if any(m.startswith(("ratio.", "size.")) for m in c.measure)
]  # fmt: skip
beside_words = [v.verdict for v in judge(about_side, [photos]) if not v.question]
say(
    "With {share:.0%} of the tuning people EO minus BASE's is {border} for the border, {patch} for the patch and {advpost} for AdvPost. From the smallest patch to the largest "
    "EO changes by {size}. One training has no interval over trainings: of the paper's {n} claims about these numbers the judge leaves {open} *inconclusive*.",
    n=len(beside_words),
    open=beside_words.count("inconclusive"),
    share=min(of_photos.ratios),
    size=photos.estimate("size.patch.eo-gain"),
    **{
        m: photos.estimate(f"ratio.{m}.r{min(of_photos.ratios):g}.change")
        for m in ("border", "patch", "advpost")
    },
)
assert of_photos.side_seeds == 1

# %% [markdown]
# ## Another classifier of the same kind
#
# The paper puts a trigger before a second BASE, with another seed, and finds the trade-off about the same. That would be welcome: one
# frame for a whole family of models. It would also say that the trigger speaks about the *data*, not about one set of weights. The experiment is called
# {term}`transfer`. Each seed's trigger goes before the BASE of the next seed, on the same test people. Two differences are kept: to the bias of the new BASE, and to the bias at home.

# %%
_, entries = study.side.transfer(task, cfg, board)
record.keep(entries)

# %% tags=["hide-input"]
sides = {"change": "minus the new BASE's bias", "vs-own": "minus the bias at home"}


def travelled_in(of, where: str) -> dict[str, dict[str, object]]:
    """Return both differences of every trigger in a record."""
    return {
        f"{title}, {where}": {
            f"{m}, {c.upper()}": of.estimate(f"transfer.{m}.{c}.{key}")
            for m in ("border", "patch")
            for c in ("eo", "dp")
            if f"transfer.{m}.{c}.{key}" in of
        }
        for key, title in sides.items()
    }


carried = travelled_in(record, "this run")
both = carried | travelled_in(photos, "photographs")
show(
    drawings.differences(both, xlabels=dict.fromkeys(both, "difference; less unfair ←"), columns=2),
    name="transfer",
    caption=f"Triggers before a BASE that they were not trained for: this run (n = {n_test} test people, {cfg.seeds} seeds) and the "
    f"committed record on photographs ({of_photos.seeds} trainings); 95 % bootstrap over people.",
    alt="Four panels of intervals, a row per trigger and criterion.",
)
new, home = (list(rows.values()) for rows in carried.values())
say(
    "Before a BASE that is new to them {k} of {n} triggers have less bias than it, by their interval; {j} have more bias than at "
    "home, and {i} less.",
    k=sum(e.high < 0 for e in new),
    n=len(new),
    j=sum(e.low > 0 for e in home),
    i=sum(e.high < 0 for e in home),
)

# %% [markdown]
# ## More classes
#
# Three attributes make eight classes and four make sixteen, $\sum_i 2^i a_i$. The measures become means over "this class against the rest". Classes
# without positives in a group are left out of the mean, with a warning.

# %%
source_of(rp.combined)

# %% [markdown]
# With the strength of the two-class task, on this run and on photographs:

# %% tags=["hide-input"]
lams = {
    m: study.side.strength(board, cfg, m)
    for m in ("border", "advin", "advpost")
    if board.lams(m, "eo")
}
several_classes, entries = study.multi.run_multi(people, cfg, lams)
record.keep(entries)
# %% [markdown]
# The figure shows what is left beside BASE, in this run and on photographs.

# %% tags=["hide-input"]
in_classes = {
    f"{k} classes, {where}": {
        drawings.METHODS[m]: of.estimate(f"multi{k}.{m}.change")
        for m in ("border", "advin", "advpost")
        if f"multi{k}.{m}.change" in of
    }
    for of, where, counts in (
        (record, "this run", several_classes),
        (photos, "photographs", (8, 16)),
    )
    for k in counts
}
show(
    drawings.differences(
        in_classes,
        xlabels=dict.fromkeys(in_classes, "EO minus BASE's; less unfair ←"),
        columns=2,
    ),
    name="classes",
    caption=f"EO minus BASE's with more classes, one training, λ of the two-class task; this run (n = {n_test} test people) and the committed record "
    "on photographs; 95 % bootstrap over people.",
    alt="A panel per number of classes and data with an interval for each method.",
)
# %% [markdown]
# A gap over many classes has a price that the figure does not show:

# %% tags=["hide-input"]
for k in several_classes:
    accuracies = [record.estimate(f"multi{k}.{m}.acc").value for m in lams]
    with_base = record.estimate(f"multi{k}.base.acc").value
    paid = [
        value < with_base and record.estimate(f"multi{k}.{m}.change").value < 0
        for m, value in zip(lams, accuracies, strict=True)
    ]
    say(
        "With {k} classes BASE is right about {base:.2f} of the people and the others about {low:.2f} to {high:.2f}; {paid} of these {n} trainings have a lower EO and a lower accuracy than BASE.",
        k=k,
        base=with_base,
        low=min(accuracies),
        high=max(accuracies),
        paid=sum(paid),
        n=len(paid),
    )
multi_photos = [
    photos.estimate(f"multi{k}.{m}.acc").value - photos.estimate(f"multi{k}.base.acc").value
    for k in (8, 16)
    for m in ("border", "advin", "advpost")
]
say(
    "On photographs accuracy falls by {least:.2f} to {most:.2f} in these trainings. A gap that is a mean over many small classes falls easily when rare classes are "
    "no longer given to anybody, so read it with the accuracy.",
    least=-max(multi_photos),
    most=-min(multi_photos),
)
assert max(multi_photos) < 0

# %% tags=["hide-output", "hide-input"]
tables.table(
    pd.concat(several_classes.values())[
        ["classes", "method", "lam", "acc", "dp", "eo", "collapsed"]
    ]
    .replace({"method": dict(drawings.METHODS)})
    .rename(columns={"lam": "λ", "acc": "accuracy", "dp": "DP", "eo": "EO"})
    .round(3),
    caption="More classes: accuracy, and means over classes of DP and EO, one seed. BASE is the first row.",
)

# %% [markdown]
# ## Where does the model look?
#
# Grad-CAM {cite}`selvaraju2017gradcam` marks the places that a decision leaned on. In the paper's examples BASE looks at the face and, with a
# trigger, at the hair. Such maps can look convincing for no reason {cite}`adebayo2018`, so ours explain faces that nobody selected,
# and each is turned into numbers: the share of its heat on the trigger and, of the rest, on the hair.

# %%
seen, entries = study.look.looks(task, cfg, {m: lams[m] for m in ("border", "advin")}, crowd)
record.keep(entries)

# %% tags=["hide-input"]
names = {"base": "BASE", "border": "BASE with border", "advin": "AdvIn"}
looked = [
    {"pictures": where, "model": names[v]}
    | {text: str(of.estimate(f"look.{v}.{key}")) for key, text in
       (("ring", "heat on the trigger"), ("hair", "on the hair, of the rest"))}
    | {"hair, minus BASE's": "–" if v == "base" else str(of.estimate(f"look.{v}.hair-change"))}
    for of, where in ((record, "this run"), (photos, "photographs"))
    for v in names
]  # fmt: skip
display(
    tables.table(
        pd.DataFrame(looked),
        caption=f"Shares of heat over {len(seen.rows)} test pictures of this run, and in the record on photographs; 95 % bootstrap over pictures.",
    )
)
hair = record.estimate("look.border.hair-change")
say(
    "With the border {ring} of the heat lies on the border itself. Of the rest, the share on the hair is {word} BASE's.",
    ring=record.estimate("look.border.ring"),
    word="larger than"
    if hair.low > 0
    else "smaller than"
    if hair.high < 0
    else "not told apart from",
)
there = photos.estimate("look.border.hair-change")
say(
    "On photographs the share on the hair changes by {change} with the border, in one training. The paper's examples have it the other way round: more hair, less face. "
    "A few pictures can show either.",
    change=there,
)
assert there.high < 0

# %% [markdown]
# ## What does a trigger claim?
#
# In the theorem a trigger *says* "this is a man", or "this is a woman", and drowns what the picture says. Does it? The paper shows an empty
# picture with a trigger to a classifier of the group. We do the same with three empty pictures (black, grey and white) and
# the average of the three answers: a network may call any of them a man, for no reason.

# %%
answers, entries = study.null.null_input(task, cfg, board)
record.keep(entries)

# %% tags=["hide-input"]
mean = answers.groupby(["method", "criterion", "lam", "seed"])["male"].mean().reset_index()
blank = float(mean[mean["method"] == "none"]["male"].iloc[0])
trained_ones = answers[answers["criterion"] != ""]
of_trigger = trained_ones.groupby(["method", "criterion"])["lam"]
one_sided = {
    "weak": float(
        trained_ones[trained_ones["lam"] == of_trigger.transform("min")]["one_sided"].mean()
    ),
    "strong": float(
        trained_ones[trained_ones["lam"] == of_trigger.transform("max")]["one_sided"].mean()
    ),
    "random": float(answers[answers["method"].str.startswith("random")]["one_sided"].mean()),
}
say(
    "The classifier of the group is right about {acc} of the test people. Without a trigger it calls the empty "
    "pictures a man with {blank:.2f}. If a stronger λ made triggers more one-sided, their answers would leave the "
    "middle. Their mean distance from one half is {weak:.2f} at the smallest λ, {strong:.2f} at the largest, and "
    "{random:.2f} for random triggers, which nobody taught to say anything.",
    acc=record.estimate("null.acc"),
    blank=blank,
    **one_sided,
)
slopes = {
    f"{m}, {c.upper()}": photos.estimate(f"null.{m}.{c}.slope")
    for m in ("border", "patch")
    for c in ("eo", "dp")
}
say(
    "On photographs the change from a smaller to a larger λ is {b_eo} for the border in EO and {b_dp} in DP, {p_eo} for the patch in EO and {p_dp} in DP. The paper's account would have them above zero; "
    "{n} of these four intervals over {trainings} trainings are.",
    trainings=of_photos.seeds,
    b_eo=slopes["border, EO"],
    b_dp=slopes["border, DP"],
    p_eo=slopes["patch, EO"],
    p_dp=slopes["patch, DP"],
    n=sum(e.low > 0 for e in slopes.values()),
)

# %% [markdown]
# The theorem's trigger *must* claim a group. A trained trigger may do something else: lower a confidence, or move the cut. Nothing here says which,
# and a classifier that was asked about an empty picture answers a question that it never learned.

# %% [markdown]
# ## On your own model
#
# Any torch classifier that maps images in [0, 1] to logits will do. It is not changed, and a trigger can be saved, tried on
# another model, or asked what it claims on its own. Ask `collapsed` before you read any gap.

# %%
few = task.tune[:1024]
grey_start = {"start": cfg.start, "centre": cfg.centre}  # as above; released: 1 around 0
config = cfg.config("patch", "eo", 1.0, len(few))
trigger = rp.Trigger(base, shape="patch", **grey_start, config=config)
trigger.fit(people.x[few], task.y[few], s=task.s[few])
y_hat = trigger.predict(people.x[task.test])
assert state_digest(base) == fingerprint
right = float((y_hat == task.y[task.test]).float().mean())
fallen_now = rp.collapsed(y_hat) is not None
print(f"accuracy {right:.3f} instead of {plain_acc:.3f}")
print(f"moved by {trigger.history[-1]['movement']:.2f} from where it started")
print("collapsed: everybody gets one class" if fallen_now else "both classes are still given")

# %% tags=["hide-input"]
usual = float(max(y_test.mean(), 1 - y_test.mean()))
expect(
    not fallen_now and right > usual + 0.02,
    "a trigger of the package's own use keeps both classes and beats the constant",
    "This trigger is worth no more than a constant answer: do not read its gaps.",
    only="laptop",
)

# %% [markdown]
# ## Results against the paper
#
# Every point of the paper's figure, and every message, is a claim that was written before the runs. Our pictures are smaller and our networks
# narrower, so a point claims a *direction* only: the paper's number stands beside ours at the same price in accuracy. DP is given in
# both units where it matters: the paper's axis is probably half of our gap.
#
# A verdict asks for more than the captions above: other people *and* another training, with every test of this paper counted. So a sentence above may hold for these trained models, and its verdict may still be *inconclusive*.

# %% tags=["hide-input"]
units = pd.DataFrame(
    [
        {
            "classifier": drawings.METHODS[name],
            "accuracy": str(record.estimate(f"{name}.acc")),
            "DP": str(record.estimate(f"{name}.dp")),
            "half of it": str(record.estimate(f"{name}.dp-half")),
            "EO": str(record.estimate(f"{name}.eo")),
            "half of it ": str(record.estimate(f"{name}.eo-half")),
        }
        for name in ("base", "random-border", "random-patch")
    ]
)
(acc_dp, dp_base), (_, eo_base) = (published.POINTS[c]["base"][0] for c in ("dp", "eo"))
row = {"classifier": "BASE in the paper", "accuracy": f"{acc_dp:.3f}", "DP": "–",
       "half of it": f"{dp_base:.3f}", "EO": f"{eo_base:.3f}", "half of it ": "–"}  # fmt: skip
tables.table(
    pd.concat([pd.DataFrame([row]), units]),
    caption="Both units of both measures. The paper's numbers stand in the columns that they seem to be in.",
)

# %% [markdown]
# The {doc}`scoreboard <../book/scoreboard>` has every claim, point by point; the appendix counts them.
#
# **How to read this.** A point that "holds" says that bias fell against BASE at that price. It does not say that a trigger was
# needed: for that, look at the comparisons with the coin, the moved threshold and the random trigger above. A method can have the paper's
# direction at every point and still do nothing that a coin does not do. And where a claim is *not tested* because no setting kept its
# accuracy, the method found nothing to offer at that price on our data.

# %% [markdown]
# ## What we did differently
#
# | what | theirs | ours | why |
# |---|---|---|---|
# | images | 224 pixels, random crops, all of CelebA | 64 pixels (synthetic: 40), thousands of images | two cores |
# | BASE | ResNet-18, pretrained in the paper, from scratch in the code | the same blocks, narrower, from scratch | two cores |
# | four sets | disjoint in the paper; in the code the tuning set is part of the training set | disjoint | as described |
# | tuning set | 1 % of the training set | about two thirds of it | 1 % of ours would be a few dozen people |
# | trigger sizes | patch 80, ring 20 of 224; other numbers in the commands | the paper's, scaled | see the audit |
# | optimiser | Adam .05 in the paper, 1e-4 in the code | Adam .02 for triggers and .001 for weights, with two drops | found on validation people with a seed that is not reported; with 1e-4 a trigger hardly moves |
# | updates | 80 for a trigger (code, 1 % of the people) | photographs: 150 for triggers and AdvIn, 80 for AdvPost; drawn faces: 80, 60 and 45 | two cores; AdvPost gets fewer than a trigger |
# | adversary's gradient | always counts | only while the discriminator's loss is at most .05 nats above that of a guess (*guard*) | without it logits run away until everybody gets one answer |
# | start of a trigger | $\tanh(w)$ with $w$ uniform on (−1, 1), loud around black | $\tanh(w)$ with $w$ uniform on (.4, .6), a quiet grey | with a patch BASE then begins at nearly its accuracy; with the released start it begins near a constant answer |
# | random trigger (our control) | – | the released start, on (−1, 1) | it is not our trigger untrained |
# | strength of a trigger | λ constant | grows to its value over the first half of a training (*ramp*) | a large λ at once collapses |
# | discriminator | Adam .05 (code) or .01 (paper), ReLU | Adam .01, leaky ReLU | as described |
# | projection | divides by the norm of $g_z$ | the same with a guard against zero | otherwise NaN |
# | chosen epoch | least validation bias (paper), best worst cell (code) | least validation bias above an accuracy floor | without a floor the constant classifier wins |
# | AdvIn | from scratch | begins with the first epochs of its BASE | half the time |
# | curves | a polynomial of order 30 through five points | points | nothing between points was measured |
# | Grad-CAM | layer not stated | the second stage, 8×8 at 64 pixels | the last one is 2×2 |
# | null input | not stated | black, grey and white, averaged; the classifier of the group is BASE's architecture | a choice had to be made |
# | test people | CelebA's test part | on photographs, more people whom nobody learned from join them | blond men are few |
# | transfer | another BASE | each seed's trigger before the next seed's BASE | the same |

# %% tags=["hide-cell"]
drawn = study.VISION["laptop"]
for used, updates in ((drawn, (80, 60, 45)), (study.for_real(drawn, "laptop"), (150, 150, 80))):
    assert tuple(used.steps[k] for k in ("trigger", "advin", "advpost")) == updates
    assert (used.trigger.lr, used.advin.lr, used.advpost.lr) == (0.02, 1e-3, 1e-3)
    assert (used.trigger.guard, used.trigger.ramp, used.trigger.lr_d) == (0.05, 0.5, 0.01)
    assert {(c.guard, c.ramp) for c in (used.advin, used.advpost)} == {(None, 0.0)}
    assert (used.start, used.centre, len(used.trigger.drops)) == (0.1, 0.5, 2)

# %% [markdown]
# The ramp and the guard are for triggers only.

# %% [markdown]
# ## What the released code does
#
# The authors released their code, which is why any of this can be known. Seven facts, each checked by running it
# or by the cell below.
#
# 1. `--reprogram-size 20` for a border is the side of the picture that *remains*, not the width of the ring. The README's
#    command leaves a picture of 20×20.
# 2. Patches at the far corners are one pixel off: they start and end one pixel too early.
# 3. The tuning people are the last of the training people, and BASE was trained on all of these.
# 4. All weights *and* triggers use Adam at 1e-4. With the paper's 1 % of tuning data that makes 80 steps.
# 5. Trigger pixels are $\tanh(w)$ while pictures live in [0, 1]: half of an untrained trigger is darker than black.
# 6. $g_z$ is not cleared before $g_y$ is added to it. The projection removes the leftover exactly, so this is harmless
#    until somebody switches the projection off.
# 7. The evaluation passes logits to scikit-learn's `log_loss`, which current versions refuse.

# %%
print(f"1: the trigger gets {1 - 20**2 / 224**2:.1%} of the pixels")
steps, rate = 80, 1e-4
print(
    f"4: {steps} steps of Adam move a parameter by about {steps * rate:.3f}, from a start in (-1, 1)"
)
negative = (untrained["patch"].pixels()[:, untrained["patch"].mask] < 0).float().mean()
print(f"5: {float(negative):.0%} of the pixels of a random patch are negative")
assert 0.35 < negative < 0.65
g, leftover = (
    torch.randn(50, generator=torch_rng(seed, "a")),
    torch.randn(50, generator=torch_rng(seed, "b")),
)
clean, dirty = (rp.projected([v], [leftover], 0.5)[0] for v in (g, g + leftover))
assert (clean - dirty).abs().max() < 1e-5
print("6: the leftover changes the update by rounding only")
from sklearn.metrics import log_loss

try:
    log_loss([0, 1], [[2.0, -1.0], [-1.0, 2.0]])
    print("7: this version of scikit-learn takes them")
except ValueError as error:
    print("7:", str(error).split(".")[0])

# %% [markdown]
# A rerun by others {cite}`yang2024` on the same task, with $\lambda = 10$ for EO, ended with pre- and in-processing methods ahead of this one.

# %% [markdown]
# ## Limits, and who could be harmed
#
# **A frame is a promise that somebody must keep.** The repair stands in front of the model. A service that forgets it, or crops the frame away,
# is as unfair by this metric as before, and nobody is told.
#
# **Deafening is not justice.** If it works as in the theorem, the trigger tells the network that everybody belongs to *one* group. People of the
# other are then judged by rules that were learned on the first.

# %% [markdown]
# **The same trick harms.** A constant that lowers a gap can raise it, by one sign. Whoever controls the frame of a public
# model controls whom it fails, without leaving a trace in its weights.
#
# **Equal is cheap.** A classifier that says no to everybody has no gap. A report of bias without accuracy, and without the
# constant beside it, says nothing.
#
# **Two boxes.** Everybody is "Male" or not, by the guess of strangers, and triggers need these guesses for training.

# %% [markdown]
# ## Check yourself
#
# Five questions; the answers unfold.

# %% tags=["hide-input"]
# fmt: off
quiz([
    Check("Which parameters move while a trigger is trained?",
          ["BASE's last layer and the trigger", "the trigger's and the discriminator's", "the trigger's only"],
          right=1, why="Gradients pass through BASE, but no weight of it moves. The discriminator learns in the same turn."),
    Check("What does λ = 0 give in the projected update?",
          ["training for accuracy alone", "no training at all", "accuracy without the part that would help the adversary"],
          right=2, why="The projection takes away the part of the label's gradient along the adversary's, whatever λ is."),
    Check("A network averages local features before a linear head. What can a border do to it?",
          ["move its threshold", "make it deaf to the group", "nothing"],
          right=0, why="The ring adds the same number to everybody's logit. To do more, it must change how the inner picture is read."),
    Check("A trigger has half of BASE's gap, and so has the coin at the same accuracy. What follows?",
          ["the trigger made BASE less unfair by understanding groups", "it did not show more than deciding less would", "the trigger is useless at any other accuracy"],
          right=1, why="The coin knows nothing about groups. Only a point beyond the mixing line, and the moved threshold, shows more than that."),
    Check("What does the theorem of two vocabularies promise in its limit?",
          ["demographic parity", "equalised odds", "both"],
          right=1, why="Given the label, decisions then say nothing about the group. Without the label they still may, because labels do."),
], name="triggers")
# fmt: on

# %% [markdown]
# ## Exercises
#
# Six at three levels: check, code, research. Each has a solution below it that was run and says its answer. Try first.

# %% [markdown]
# :::{exercise} check
# :label: reprogramming-vision-exercise-1
#
# A coin decides with probability $q$ by BASE and otherwise "no" for everybody. Show that DP and EO are both multiplied by $q$.
# :::

# %% [markdown]
# :::{solution-start} reprogramming-vision-exercise-1
# :::

# %% tags=["hide-cell"]
dp_plain, eo_plain = (DEFINITIONS[k](y_demo, y_hat_demo, s_demo) for k in ("dp", "eo_half"))
q, repeats = 0.25, 4  # copies of everybody, one of which is decided by the model
y_long, s_long = np.tile(y_demo, repeats), np.tile(s_demo, repeats)
mixed = np.concatenate([y_hat_demo, np.zeros((repeats - 1) * len(y_demo), int)])
for key, whole in (("dp", dp_plain), ("eo_half", eo_plain)):
    print(f"{key}: {DEFINITIONS[key](y_long, mixed, s_long):.4f} = {q} × {whole:.4f}")
    assert np.isclose(DEFINITIONS[key](y_long, mixed, s_long), q * whole)
say(
    "Every rate of the coin is {q:.0%} of BASE's rate, in each group and for each label, so every difference of rates is, too: both measures are multiplied by q. "
    "A coin halves a gap for nothing but accuracy.",
    q=q,
)

# %% [markdown]
# :::{solution-end}
# :::

# %% [markdown]
# :::{exercise} check
# :label: reprogramming-vision-exercise-2
#
# The theorem asks that no word rules a group out. Give one group a word that the other never writes. How strong must a trigger
# be now?
# :::

# %% [markdown]
# :::{solution-start} reprogramming-vision-exercise-2
# :::

# %% tags=["hide-cell"]
joint, words = [[0.4, 0.1], [0.1, 0.4]], [[0.7, 0.3], [0.3, 0.7]]
stubborn = TwoVocabularies(joint, words, [[0.5, 0.5], [1.0, 0.0]], length=2)
for p in (0.9, 0.999, 1 - 1e-9):
    heard = stubborn.triggered(p, soft=True).given_y
    assert heard > 0.04
    print(f"p(s = 1 | trigger) = {p:.9f}: I = {heard:.4f} nats")
say(
    "No strength short of certainty is enough: one impossible word outvotes the trigger, because evidence that rules a group out never saturates."
)

# %% [markdown]
# :::{solution-end}
# :::

# %% [markdown]
# :::{exercise} code
# :label: reprogramming-vision-exercise-3
#
# The projection promises that a step with $\lambda = 0$ leaves the adversary's loss alone, to first order. But Adam divides every
# coordinate by its own scale. How far does its step lean on $g_z$?
# :::

# %% [markdown]
# :::{solution-start} reprogramming-vision-exercise-3
# :::

# %% tags=["hide-cell"]
rng = torch_rng(seed, "adam")
scale = torch.logspace(-2, 1, 400)  # gradients of very different sizes, as in an image
always_z, always_y = torch.randn(2, 400, generator=rng)
w = torch.nn.Parameter(torch.zeros(400))
adam, leans = torch.optim.Adam([w], 0.05), {"not projected": [], "projected": [], "with Adam": []}
for _ in range(50):
    noise = torch.randn(2, 400, generator=rng) / 2
    g_adv = scale * (always_z + noise[0])
    g_util = scale * (always_z + always_y + noise[1])  # utility would like to help the adversary
    start, w.grad = w.detach().clone(), rp.projected([g_util], [g_adv], 0.0)[0]
    adam.step()
    for name, move in zip(leans, (-g_util, -w.grad, w.detach() - start), strict=True):
        leans[name].append(float(torch.cosine_similarity(move, g_adv, 0)))
for name, values in leans.items():
    print(f"{name}: mean cosine with g_z {round(float(np.mean(values)), 3) + 0.0:+.3f}")
none, exact, adams = (float(np.mean(values)) for values in leans.values())
assert abs(exact) < 1e-3  # the projection's own promise
print("Negative helps the adversary.")
if expect(
    none < 1.5 * adams and abs(adams) < 0.3,
    "Adam keeps the promise roughly",
    "With these gradients Adam does not keep the promise.",
):
    say(
        "Without the projection the mean cosine with the adversary's gradient is {none:+.2f}, with it and Adam {adams:+.2f}: Adam keeps the promise only roughly, and everybody uses Adam.",
        none=none,
        adams=adams,
    )

# %% [markdown]
# :::{solution-end}
# :::

# %% [markdown]
# :::{exercise} code
# :label: reprogramming-vision-exercise-4
#
# Keep trigger pixels inside the range of images, with `values="sigmoid"`. Does the picture stay a picture, and what changes? Begin with the same
# grey pixels in both, or you compare two starts.
# :::

# %% [markdown]
# :::{solution-start} reprogramming-vision-exercise-4
# :::

# %% tags=["hide-cell"]
middle = float(np.tanh(cfg.centre))  # the slope of each bound there makes the spread the same
starts = {
    "tanh": grey_start,
    "sigmoid": {"centre": float(np.log(middle / (1 - middle))),
                "start": cfg.start * (1 - middle**2) / (middle * (1 - middle))},
}  # fmt: skip
for values, start in starts.items():
    kept = rp.Trigger(base, shape="patch", values=values, **start, config=config)
    kept.fit(people.x[few], task.y[few], s=task.s[few])
    low, high = (float(v) for v in torch.aminmax(kept.image[:, kept.module.mask]))
    y_hat = kept.predict(people.x[task.test]).cpu().numpy()
    odds = float(DEFINITIONS["equalized_odds_mean"](y_test, y_hat, s_test))
    print(
        f"{values}: pixels in [{low:.2f}, {high:.2f}], accuracy {(y_hat == y_test).mean():.3f}, EO {odds:.3f}, "
        f"{'everybody gets one class' if rp.collapsed(y_hat) is not None else 'both classes are given'}"
    )
    assert values == "tanh" or 0 <= low <= high <= 1  # a picture stays a picture
say(
    "With the sigmoid the picture stays a picture. BASE alone has an accuracy of {acc:.3f} and an EO of {eo:.3f}; compare the lines above with it. One training of each does not "
    "tell the two bounds apart in general.",
    acc=plain_acc,
    eo=float(record.measured("base.eo").draws()[0]),
)

# %% [markdown]
# :::{solution-end}
# :::

# %% [markdown]
# :::{exercise} code, break it
# :label: reprogramming-vision-exercise-5
#
# Switch the projection off in `reprogram`, as if the printed sum were the method, and take λ = 0. Which assertion of this page fails?
# :::

# %% [markdown]
# :::{solution-start} reprogramming-vision-exercise-5
# :::

# %% tags=["hide-cell"]
from sklearn.base import clone

fast = clone(package).set_params(lam=0.0).fit(toy_x, toy_y, s=toy_s)
lean_of = {}
for project in (True, False):  # the broken line has project=False
    plain = reprogram(f, *toy_tuning, lam=0.0, steps=20, project=project)
    lean_of[project] = float((fast.image - plain).abs().max())
    try:
        assert lean_of[project] < 1e-3, "plain and fast trigger differ"
        caught = False
    except AssertionError:
        caught = True
    assert caught is not project
say(
    "The assertion that the plain and the fast trigger agree catches the broken line: a pixel is {off:.2f} apart after 20 updates. With λ = 0 the sum is training for the label "
    "alone, and where a step for the label lowers the adversary's loss, it helps the reader of the group. The projection takes that part away, whatever λ is.",
    off=lean_of[False],
)

# %% [markdown]
# :::{solution-end}
# :::

# %% [markdown]
# :::{exercise} research
# :label: reprogramming-vision-exercise-6
#
# Train a trigger against one network and put it before another of the same kind that learned from the same people. How much of its effect travels? Try it on the toy first, where a
# training takes a second, and say what a full answer would need.
# :::

# %% [markdown]
# :::{solution-start} reprogramming-vision-exercise-6
# :::

# %% tags=["hide-cell"]
second = toy_network(1)
patch = reprogram(f, *toy_tuning, 2.0)
with_patch = test_x.masked_fill(patch.abs().sum(0) > 0, 0.0) + patch
home = point(f(with_patch).argmax(1), test_y, test_s)
away = point(second(with_patch).argmax(1), test_y, test_s)
before_away = point(second(test_x).argmax(1), test_y, test_s)
say(
    "On the toy EO is {home:.3f} at home, and before the second network it goes from {before:.3f} to {away:.3f}. The share of yes is {share_home:.1%} at home and {share:.1%} there. That is one pair of networks: "
    "a full answer needs several of each, the coin and the moved threshold of the *new* network beside it, and intervals over both kinds of training.",
    home=home[1],
    before=before_away[1],
    away=away[1],
    share_home=home[2],
    share=away[2],
)

# %% [markdown]
# :::{solution-end}
# :::

# %% [markdown]
# ## What we learned
#
# The box from the top once more, now that its words have been earned.

# %% tags=["hide-input"]
learned(
    "reprogramming_vision",
    points=[
        "A constant in the input moves decisions of a frozen network. The projected update sees to it that, to first order, no step helps a reader of the group.",
        "Before a network that only adds, a border is a moved threshold. It can do more only where its pixels change how the rest is read.",
        "A gap that closes together with the share of positive decisions is worth no more than a coin. Always draw the constant, the mixing line and the moved threshold.",
        "An interval over people asks about other people and the same networks. Over {n} trainings most comparisons stay open, and so do most messages of the paper in our runs.",
        "Whoever controls the frame controls whom the model fails. A repair in front of a model is a promise that somebody must keep.",
    ],
    answer=answer,
    **shared,
)

# %% [markdown]
# The next chapter, {doc}`Fairness Reprogramming in words <05_reprogramming_text>`, puts the trigger behind a comment, where the theorem's world is closer at hand: five words
# instead of a frame.

# %% [markdown]
# ## Sources
#
# Method and numbers: {cite}`zhang2022fairreprogram` (paper, blog and released code). Projected update: {cite}`zhang2018`. Reprogramming:
# {cite}`elsayed2019`. Network, Grad-CAM and its limits: {cite}`he2016resnet,selvaraju2017gradcam,adebayo2018`. Rerun: {cite}`yang2024`. Data:
# {cite}`liu2015`. All wording, drawings and code here are ours.

# %% [markdown]
# ## Appendix: verdicts and record
#
# What the judge says about every message, control and point stands on the {doc}`scoreboard <../book/scoreboard>`, and how these words come about on the page
# {doc}`how we judge <../book/judgement>`. Here they are counted.

# %% tags=["hide-cell"]
words = VERDICTS
tally = {}
for verdict in (v for v in of_chapter(record) if not v.question):
    row = tally.setdefault(verdict.id.split(".")[0], dict.fromkeys(words, 0))
    row[verdict.verdict] += 1
tables.table(
    pd.DataFrame([{"claims": name} | row for name, row in tally.items()]),
    caption="Verdicts by kind of claim, without questions of ours. Claims are not independent: this is a summary, not a test.",
)

# %% [markdown]
# Last of all, the run is written down, so that the pages of the book can read it.

# %%
if preset == "smoke":  # a small run still shows that a constant in the input moves decisions
    strongest = max(cfg.grids["border"]["eo"])
    after = record.estimate(f"border.eo.lam{strongest:g}.dp").value
    before = record.estimate("base.dp").value
    expect(
        after < before - 0.02,
        "a constant in the input lowers the gap",
        f"In this run the strongest border has a gap of {after:.3f} and BASE one of {before:.3f}.",
    )
path = record.save(results_dir)
print(f"{len(record.measurements)} measurements in {path}")
