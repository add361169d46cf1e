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
# # FAAP: can a perturbation repair a model that nobody may touch?
#
# [Open this chapter in Colab](https://colab.research.google.com/github/fairtut/fairtut/blob/main/notebooks/02_faap.ipynb)
# (a GPU helps; a laptop takes about ten minutes).
#
# A face classifier is deployed. It treats men and women differently, and you may neither retrain it
# nor look at its training data. Wang and colleagues proposed at CVPR 2022 {cite}`wang2022faap` to leave the model
# alone and change its *input*: a small network adds a perturbation to every image, too small to
# matter to a person, and chosen so that the model can no longer tell the groups apart. They call it
# *fairness-aware adversarial perturbation*, FAAP.
#
# No code was released. This chapter rebuilds the method from the paper, deploys four kinds of biased
# models as the paper does, and adds the controls that its tables lack. Two questions run
# through it. **Does the gap close?** And: **is the group really gone from the code, or is one
# particular discriminator fooled?**

# %% tags=["hide-input"]
import subprocess
import sys

if "google.colab" in sys.modules:  # elsewhere the package is already there
    source = "fairtut[peers] @ git+https://github.com/fairtut/fairtut"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", source], check=True)

# %% tags=["parameters", "hide-input"]
preset = "laptop"  # "smoke": a minute in CI; "laptop": these pages; "paper": one GPU
data = "synthetic"  # or "real": CelebA and LFW from $FAIRTUT_DATA or their official hosts
seed = 0
results_dir = "results"

# %% tags=["hide-input"]
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from IPython.display import display

from fairtut.chapters import faap as study
from fairtut.chapters.faap import drawings
from fairtut.chapters.faap.opening import CHAPTER
from fairtut.data import images
from fairtut.data.images import pixels
from fairtut.data.synthetic import faces
from fairtut.methods import deployed, faap
from fairtut.methods.adversarial import entropy, joint_of_ratio, mutual_information
from fairtut.methods.faap import losses
from fairtut.metrics import Estimate, equalized_odds_gap
from fairtut.page import canvas, controls, plots, tables
from fairtut.page.effects import Effects
from fairtut.page.figures import show
from fairtut.page.prose import say
from fairtut.page.results import load_claims, load_records, of_chapter
from fairtut.page.source import source_of

(preset, data, seed, results_dir), cfg, record, device = CHAPTER.open(
    preset, data, seed, results_dir
)
plots.use_style()

# %% [markdown]
# **Before you go on.** "Male", "Attractive" and "Young" are labels that a few strangers gave to
# photographs of people who were not asked. We use them because the paper does, and because the
# question of the chapter is what a *model* makes of such labels. The page *Faces are not labels* says
# why they are not facts. Every face that you will see here is drawn by a program.

# %% [markdown]
# ## The claim in one picture
#
# The paper's first table has four deployed models for each of three targets, before and after FAAP.
# Nothing in this picture is ours.

# %% tags=["hide-input"]
claims = load_claims("faap")
published = {c.id: c.value for c in claims if c.id.startswith("table1.")}
theirs = {
    (name, k, what): published[f"table1.celeba.{name}.{k}-faap.{what}"]
    - published[f"table1.celeba.{name}.{k}.{what}"]
    for name in ("smiling", "attractive", "blond_hair")
    for k in ("normal", "fair", "lf", "rg")
    for what in ("acc", "deo")
}
assert max(theirs[name, k, "deo"] for name, k, what in theirs if what == "deo") < 0
assert all(  # the two unfair models gain more than the other two
    max(theirs[name, k, "deo"] for k in ("lf", "rg"))
    < min(theirs[name, k, "deo"] for k in ("normal", "fair"))
    for name in ("smiling", "attractive", "blond_hair")
)
price = {
    name: [theirs[name, k, "acc"] for k in ("normal", "fair", "lf", "rg")] for name, _, _ in theirs
}
assert min(price["smiling"]) > -0.002 and max(price["smiling"]) > 0
assert min(price["blond_hair"]) > -0.015 and -0.03 < min(price["attractive"]) < -0.025
show(
    drawings.claim_arrows(
        published,
        {
            "celeba.smiling": "Smiling",
            "celeba.attractive": "Attractive",
            "celeba.blond_hair": "Blond_Hair",
        },
    ),
    name="claim",
    caption="The paper's table 1 on CelebA as arrows from the deployed model (hollow) to the same "
    "model with FAAP (filled). Published numbers, one run each.",
    alt="Three panels. Every arrow points to the right, towards a smaller DEO, and those of the unfair "
    "models are the longest. For Attractive they fall by up to three points of accuracy, for Blond_Hair by about "
    "one; for Smiling they hardly fall, and two rise.",
)

# %% [markdown]
# Each arrow points to the right: the gap closes for every model, most for the ones that were made unfair on
# purpose. The price is small for Smiling and Blond_Hair and up to three points for Attractive.
#
# What the picture cannot say: how much of this a random perturbation would do, or a moved
# threshold, and whether the numbers would move with another seed.

# %% [markdown]
# ## Notation, and the measure
#
# | symbol | meaning |
# |---|---|
# | $x$, $\hat x = x + G(x)$ | image with pixels in [0, 1], and perturbed image |
# | $\epsilon$ | no pixel moves by more, .05 in the paper |
# | $g$, $f$ | the deployed model is $f(g(x))$: image to code, code to decision |
# | $s$ | sensitive attribute, 1 is "Male"; the paper writes $z \in \{-1, 1\}$ |
# | $y$, $\hat y$ | target label and decision |
# | $G$, $D$ | generator of perturbations, discriminator that reads $s$ from the code |
#
# The paper measures **DEO**, the difference in equalized odds. That its two gaps are *added* is
# not stated; it follows from the tables, where DP is about half of DEO.
#
# $$\mathrm{DEO} = |\mathrm{FPR}_1 - \mathrm{FPR}_0| + |\mathrm{TPR}_1 - \mathrm{TPR}_0|$$

# %%
y_demo = np.array([1, 1, 1, 1, 0, 0, 0, 0])
s_demo = np.array([0, 0, 1, 1, 0, 0, 1, 1])
y_hat_demo = np.array([1, 1, 1, 0, 1, 0, 0, 0])  # TPR 1 and .5, FPR .5 and 0
value = equalized_odds_gap(y_demo, y_hat_demo, s_demo)
assert abs(value - 1.0) < 1e-12
print(f"DEO = {value:.2f} on n = {value.n} people: .5 from the TPRs, .5 from the FPRs")

# %% [markdown]
# ## The people
#
# Photographs of faces are personal, so the embedded data are drawn. Fifteen attributes
# follow the joint counts of CelebA's 202,599 labels {cite}`liu2015`; the picture is a function of them and of a
# lot of nuisance. A drawn face can do what no photograph can: we can change *one* factor of a
# person and leave everything else as it was.

# %%
crowd = faces.sample(cfg.faces, seed=seed, size=cfg.size, device=device)
people = (
    crowd.images if data == "synthetic" else images.load("celeba", size=cfg.size, device=device)
)
target, kind = cfg.headline, "lf"
record.dataset(people.name, rows=len(people), digest=people.digest, source=people.source)
twins = faces.counterfactual(crowd.select(crowd.images.split == "test"), "Male")
portraits = faces.sample(5, seed=seed + 5, size=64)
changed = {
    "drawn": portraits,
    "Male": faces.counterfactual(portraits, "Male"),
    "Smiling": faces.counterfactual(portraits, "Smiling"),
    "skin tone": faces.counterfactual(portraits, "skin_tone", 0.9),
}

# %% tags=["hide-input"]
show(
    canvas.faces({name: group.images.x for name, group in changed.items()}),
    name="people",
    caption="Five drawn people (first row), and the same people with one factor changed: the "
    "drawn sex, the smile, the skin tone. Synthetic faces, n = 5 of a larger set.",
    alt="Four rows of five friendly illustrated portraits. From the first to the second row jaw, "
    "brows, beard and hair length change, in the third the mouths, in the fourth only the skin.",
)

# %% [markdown]
# Read a column from top to bottom: it is one person, four times. Background, clothes and pose stay as they are, and only what
# the row names is drawn anew.

# %% tags=["hide-input"]
label, group = (people.labels(name).cpu().numpy() for name in (target, "Male"))
say(
    "{n} people. P({what} = 1) is {women:.3f} among women and {men:.3f} among men. A model that "
    "learns these labels has every reason to look for the group.",
    n=len(people),
    what=target,
    women=float(label[group == 0].mean()),
    men=float(label[group == 1].mean()),
)

# %% [markdown]
# ## Deployed models, four ways
#
# The patients are narrow ResNet-18s {cite}`he2016resnet`, with the normalisation inside so that pixels stay in [0, 1]. The training set is cut
# in two random halves: one trains the patient, the other will train FAAP. The paper deploys four
# kinds.
#
# * **normal**: cross-entropy and nothing else.
# * **fair**: an adversary tries to read $s$, and the model is rewarded where it fails {cite}`zhang2018`.
# * **RG**: the same with the gradient *reversed*, so the model helps the adversary.
# * **LF**: some labels are flipped before training.
#
# The paper says little about the last two, and both have a trap. Flips that hit everybody alike add
# noise, not bias; ours go against the group that is labelled positive less often. And an
# adversary that reads the *code* makes the group readable without changing a single decision. Ours
# is linear and reads the *logit*, so helping it means to push the groups' scores apart.
#
# The fair model has a trap of its own: the weight of its adversary. What an adversary can learn from decisions shrinks with
# the *square* of the gap, so a small gap is worth next to nothing in the loss.

# %%
share, accepted, gaps = 0.42, 0.92, np.array([0.06, 0.03])  # an example: men's share, women's TPR
joints = joint_of_ratio(accepted, 1 - gaps / accepted, 1 - share)
worth = np.array([mutual_information(joint) for joint in joints])
assert 3 < worth[0] / worth[1] < 4.5
print(f"gaps of {gaps} are worth {worth.round(4)} nats to the best adversary;")
print(f"a model that is right nine times in ten, and knows it, pays {entropy([0.9, 0.1]):.2f} nats")

# %% [markdown]
# For Smiling the adversary therefore has a weight of 10, and it sees the label and a *soft decision*, $4\sigma(m) - 2$ for the
# margin $m$. Shown the logit itself, it would count a person by how *sure* the model is; this way it counts, as DEO does, by which
# side people are on, with the same slope where a decision is open.

# %%
source_of(deployed.flip_labels)

# %%
flipped = deployed.flip_labels(label, group, 0.3, seed)
rates = {
    f"{name}, {who}": float(values[group == k].mean())
    for name, values in (("as labelled", label), ("flipped", flipped))
    for k, who in enumerate(("women", "men"))
}
poor = int(label[group == 1].mean() < label[group == 0].mean())
assert flipped[group == poor].mean() < label[group == poor].mean()
tables.table(
    pd.DataFrame({"labels": rates.keys(), "P(y = 1)": rates.values()}).round(3),
    caption=f"Flipping 30 % of two cells widens the gap in {target}.",
)

# %% [markdown]
# ## The method: four lines of loss
#
# With $\hat z = g(\hat x)$, cross-entropy $J$ and entropy $H$, the discriminator minimises (equation 3)
#
# $$L_D = J(D(\hat z), s),$$
#
# and the generator minimises (equations 4 to 6)
#
# $$L_G = \underbrace{-L_D - \alpha H(D(\hat z))}_{\text{hide } s} \; + \; \beta\,
#   \underbrace{J(f(\hat z), y)}_{\text{keep } y}.$$
#
# The first term alone would be happy with a discriminator that is confidently *wrong*, which only
# renames the groups. The entropy asks for one that does not know.

# %%
source_of(losses.fairness_loss)

# %% [markdown]
# A check before we trust it: at an even guess the entropy is $\ln 2$, and a step of G along its
# negative gradient must raise the discriminator's loss.

# %%
guess = torch.randn(64, 2, requires_grad=True)
who = torch.randint(0, 2, (64,), generator=torch.Generator().manual_seed(seed))
losses.fairness_loss(guess, who, alpha=0.1).backward()
before = losses.discriminator_loss(guess, who)
after = losses.discriminator_loss(guess - 0.5 * guess.grad, who)
assert after > before and torch.allclose(losses.entropy(torch.zeros(1, 2)), torch.tensor(2.0).log())
print(f"the loss of D goes from {before:.4f} to {after:.4f} nats")

# %% [markdown]
# Algorithm 1 of the paper takes turns. Both players see the *same* perturbed images; D moves first,
# then G answers to the new D. The deployed model is frozen, but gradients pass through it.

# %%
source_of(faap.Game.step)

# %% [markdown]
# The bound is built in: $\hat x = \mathrm{clamp}(x + \epsilon \tanh G(x), 0, 1)$. A hard clip, which the
# paper's algorithm has, reaches the same images but has no gradient where it bites.
#
# ## Train everything
#
# One *cell* is a target and a seed: four patients, FAAP on each, random noise of the same size,
# and fresh probes. Cells are kept on disk, so a run that was interrupted goes on where it was.

# %%
source_of(study.treat)

# %% [markdown]
# That is the whole protocol: the model is deployed and never touched again, the perturbation is
# trained beside it, and everything is judged on people whom neither has seen. The noise has the size
# of FAAP's bound, and the probes at the end learn from codes of FAAP's own training images.

# %%
cells = study.run_cells(people, cfg)
for several in cells.values():
    record.keep(study.measures.table(people, several, target))
prefix = study.measures.prefix(people, target, target)

# %%
if data == "real":
    lfw = images.load("lfw", size=cfg.size, device=device)
    record.dataset(lfw.name, rows=len(lfw), digest=lfw.digest, source=lfw.source)
    for several in study.run_cells(lfw, study.for_lfw(cfg)).values():
        record.keep(study.measures.table(lfw, several))

# %% [markdown]
# Some things must hold exactly: what the algorithm promises of a step, and that the exported pre-processor gives the same
# images. They are claims like any other, and they are checked on one step with a real patient.

# %%
with tempfile.TemporaryDirectory() as folder:
    exact = study.extras.invariants(people, target, cfg, Path(folder) / "faap.pt")
record.keep(exact)
assert exact["exact.changed-tensors"].values == [0]


# %% tags=["hide-input"]
tables.results_table(of_chapter(record, "exact."), caption="What must hold exactly, on one batch.")

# %% [markdown]
# What does a perturbation look like? We show it on drawn faces, twenty times enlarged.

# %%
task = study.Task(people, target, cfg.seeds(target)[0], cfg.half)
patient = study.deploy(task, kind, cfg)
generator, _, history = study.generator(task, [patient], [kind], cfg.generator(target))
sample = pixels(crowd.images.x[crowd.images.split == "test"][:6])
with torch.no_grad():
    moved = generator(sample)
change = (moved - sample).abs()
assert change.max() <= cfg.faap.epsilon + 1e-6
edge, quarter = cfg.size // 6, cfg.size // 4
corners = torch.stack(
    [
        change[..., a, b]
        for a in (slice(edge), slice(-edge, None))
        for b in (slice(edge), slice(-edge, None))
    ]
)
middle = float(change[..., quarter:-quarter, quarter:-quarter].mean())
expect = Effects(preset, data, seed)
expect(
    middle > 1.5 * float(corners.mean()),
    "the middle of the picture changes more than the corners",
    "here the middle of the picture does not change more than the corners",
    only="laptop",
)

# %% tags=["hide-input"]
show(
    canvas.faces(
        {
            "plain": sample,
            "with FAAP": moved,
            "20 × change": (0.5 + 20 * (moved - sample) / 2).clamp(0, 1),
        }
    ),
    name="perturbation",
    caption="Faces, perturbed faces (ε = .05) and the difference, enlarged. Generator of the LF "
    f"model of {target}, seed 0. Drawn faces.",
    alt="Three rows of six faces. The second row has a faint texture; the third shows "
    "the enlarged change, a pattern on the face and on parts of the background; most corners stay flat.",
)
say(
    "The largest change is {most:.3f}, the mean one {mean:.3f}; it is {middle:.3f} in the middle of the picture and "
    "{corners:.3f} in its corners.",
    most=float(change.max()),
    mean=float(change.mean()),
    middle=middle,
    corners=float(corners.mean()),
)

# %% [markdown]
# The change is visible if you know where to look: .05 is thirteen grey levels, and the pattern is regular. It
# lies on the face more than in the corners. "Imperceptible" is not a word we would use at this resolution.

# %% tags=["hide-input"]
test = people.split == "test"
share = float(max(group[test].mean(), 1 - group[test].mean()))
expect(
    history[-1]["d_entropy"] > history[0]["d_entropy"]
    and history[-1]["d_accuracy"] < history[0]["d_accuracy"]
    and history[-1]["d_accuracy"] > share + 0.03,
    "G makes D less sure and less often right, and D stays above the larger group's share",
    "here D does not end less sure and above the larger group's share",
    only="laptop",
)
show(
    drawings.training(history, share),
    name="training",
    caption="Training FAAP: how often D is right about perturbed training images, and how unsure "
    f"it is. LF model of {target}, seed 0.",
    alt="Left, the accuracy of D by epoch above the dotted share of the larger group. "
    "Right, its entropy below the dotted natural logarithm of two.",
)

# %% [markdown]
# G makes its opponent less sure, and does not beat it: D stays above the dotted line. On photographs,
# with more images, D comes closer to it (below). Remember this curve when we come to the fresh probe.

# %% [markdown]
# ## Does the gap close?

# %% tags=["hide-input"]
versions = {"plain": "", "noise": "-noise", "faap": "-faap"}


def estimates(metric: str) -> dict[tuple[str, str], Estimate]:
    """Return a metric of every patient and version of the headline target."""
    return {
        (k, v): record.estimate(f"{prefix}.{k}{tail}.{metric}")
        for k in cfg.kinds
        for v, tail in versions.items()
    }


n_test = record.measured(f"{prefix}.normal.deo").n
show(
    drawings.deployed(estimates("deo"), "DEO (less is less unfair by this metric)"),
    name="deployed",
    caption=f"DEO of the four deployed models of {target}, {people.name}, mean over "
    f"{cfg.targets[target]} trained models; bars are 95 % bootstrap intervals over the same "
    f"n = {n_test} test people.",
    alt="For each of four models three marks: as deployed, with noise, with FAAP. Noise moves each a "
    "little to the left; FAAP moves all four further.",
)
deo_of, beside = estimates("deo"), {}

# %% tags=["hide-input"]
for k in cfg.kinds:
    drop = record.estimate(f"{prefix}.{k}-faap.deo-change")
    plain_deo, noisy_deo = (deo_of[k, v].value for v in ("plain", "noise"))
    beside[k] = {
        "model": drawings.KINDS[k],
        "DEO": f"{plain_deo:.3f}",
        "with FAAP": str(drop),
        "as a share": f"{drop.value / plain_deo:+.0%}",
        "with noise": f"{noisy_deo - plain_deo:+.3f}",
        "minus normal": ""
        if k == "normal"
        else str(record.estimate(f"{prefix}.{k}.deo-vs-normal")),
    }
    expect(
        drop.high < 0 and abs(noisy_deo - plain_deo) < 0.8 * abs(drop.value),
        f"FAAP lowers the DEO of the {k} model, and by more than noise moves it",
        f"here FAAP does not lower the DEO of the {k} model by more than noise moves it",
        only="laptop",
    )
against = {k: record.estimate(f"{prefix}.{k}.deo-vs-normal") for k in cfg.kinds if k != "normal"}
if {"fair", "rg"} <= set(against):
    expect(
        against["lf"].low > 0
        and against["fair"].high < 0
        and against["rg"].value < 0.6 * against["lf"].value,
        "LF has the widest gap, the fair model the smallest, and RG lies near the normal model",
        "here the models do not stand in the order LF, normal, fair, with RG near the normal one",
        only="laptop",
    )
tables.table(
    pd.DataFrame(beside.values()),
    caption=f"DEO as deployed, and what FAAP and noise add to it; 95 % bootstrap over {n_test} test people.",
)

# %% [markdown]
# Of the plain models LF has the widest gap and the fair one the smallest, as the paper wants. RG should lie with LF; on
# these faces it lies near the normal model. Noise of the same size moves the gaps a little, because these small models are easily disturbed; FAAP moves
# them more, and it lowers all four. The fair model is no exception: it had a gap left, and FAAP closes a good part of it.

# %% tags=["hide-input"]
lf_drop = record.estimate(f"{prefix}.lf-faap.deo-change")
say(
    "The price of FAAP in accuracy is {acc_lf:+.3f} for the LF model and {acc:+.3f} for the normal one (bootstrap over {n} test people).",
    acc_lf=record.estimate(f"{prefix}.lf-faap.acc-change"),
    acc=record.estimate(f"{prefix}.normal-faap.acc-change"),
    n=n_test,
)
expect(lf_drop.value < 0, "FAAP lowers the DEO of LF", "here FAAP does not lower the DEO of LF")

# %% [markdown]
# ### Against what costs nothing
#
# Three rivals need no training. Give everybody the more frequent label: no gap, and no use. Give
# a random share of the people that label: the *mixing line*. Or move the threshold, the same for everybody.

# %% tags=["hide-input"]
measured = study.measures.Measured(people, cells[target])
margins = measured.margins(kind, "plain")[0]
points = drawings.points(estimates("acc"), estimates("deo"))
fig = plots.plot_tradeoff(
    points[~points["method"].str.startswith("RG")],
    metric="deo",
    draw=None,
    **plots.controls(measured.panel.y, measured.panel.s, margins, "deo"),
)
show(
    fig,
    name="tradeoff",
    caption=f"Accuracy and DEO of {target} on {n_test} test people; marks are means over "
    f"{cfg.targets[target]} trained models, bars 95 % bootstrap intervals over people. The grey "
    "controls belong to the LF model, first seed. RG is left out to keep the picture readable.",
    alt="FAAP's points lie to the right of their deployed models and above both the mixing line and "
    "the curve of the moved threshold.",
)

# %% [markdown]
# The threshold is chosen on the test people themselves, so it is an oracle and a strong control. For LF the perturbation beats it,
# because it moves the two groups *differently*, without being told who is who.

# %% tags=["hide-input"]
expect(
    record.estimate(f"{prefix}.lf-faap.deo-vs-mixing").high < 0
    and record.estimate(f"{prefix}.lf-faap.deo-vs-threshold").high < 0,
    "FAAP on LF beats the mixing line and the moved threshold",
    "here FAAP on LF does not clearly beat the mixing line and the moved threshold",
    only="laptop",
)
say(
    "At the same accuracy, DEO with FAAP minus DEO with a moved threshold is {lf:+.3f} for LF and {normal:+.3f} for the normal "
    "model; where the interval has both signs, nothing is shown.",
    lf=record.estimate(f"{prefix}.lf-faap.deo-vs-threshold"),
    normal=record.estimate(f"{prefix}.normal-faap.deo-vs-threshold"),
)

# %% [markdown]
# What if each group may have a threshold of its own? Such a rule has to be told who is who, and it cannot change whom the
# model puts before whom. Where a model orders one group less well (a lower AUC), equal TPRs *and* equal FPRs
# may cost accuracy. The best pair, chosen on the test people themselves, says how much room the scores leave.

# %%
record.keep(study.extras.floors(people, cells))
photographs = [r for r in load_records() if (r.chapter, r.data) == ("faap", "real")]
photographs = [record] if data == "real" and preset != "smoke" else photographs
views = [(record, target, prefix)]
if data == "synthetic" and photographs:
    views.append((photographs[-1], "Smiling", "celeba.smiling"))

# %% tags=["hide-input"]
for source, what, first in views:
    floor = {
        key: source.estimate(f"floor.{what.lower()}.normal.{key}")
        for key in ("deo", "within-0", "within-1", "within-2", "auc-gap")
    }
    rival = "fair" if f"{first}.fair.deo-vs-normal" in source else "lf"
    step = source.estimate(f"{first}.{rival}.deo-vs-normal")
    say(
        "**{where}, the normal model of {what}.** The AUC of men minus that of women is {auc:+.3f}. DEO is {deo} "
        "as deployed. With a threshold for each group it is at least {zero:.3f} at no cost in accuracy, {one:.3f} for one "
        "point, {two:.3f} for two. The interval of the {rival} model's DEO against the normal one's, {step:+.3f}, "
        "reaches {reach:.3f} to either side; one point buys {ratio:.1f} times that (n = {n}, {seeds} trained models, "
        "95 % bootstrap over people).",
        where="Photographs" if source.data == "real" else "Drawn faces",
        what=what,
        auc=floor["auc-gap"],
        deo=floor["deo"],
        zero=floor["within-0"].value,
        one=floor["within-1"].value,
        two=floor["within-2"].value,
        rival=rival.upper() if rival == "lf" else rival,
        step=step,
        reach=(step.high - step.low) / 2,
        ratio=2 * (floor["deo"].value - floor["within-1"].value) / (step.high - step.low),
        n=floor["deo"].n,
        seeds=len(source.measured(f"floor.{what.lower()}.normal.deo").values),
    )
    assert floor["within-2"].value <= floor["within-0"].value <= floor["deo"].value + 1e-6

# %% [markdown]
# Where this ratio is small, the order LF > normal > fair can hardly show, however the fair model is made: at one, even
# an oracle would be seen to be fairer in about half of all test sets of this size. A warning: the limit is one of
# thresholds on *these* scores; other scores, or coins tossed for the group that is ordered better, can go lower.

# %% [markdown]
# An oracle shows how much room there is. An honest contest chooses its thresholds on *validation* people. It needs one number: the accuracy gained
# over the constant classifier, averaged over limits on DEO from none to that of the deployed model. Everybody may toss coins:
# FAAP, noise and thresholds may be mixed with the constant, as the deployed model may, so that a single point stands beside curves on equal terms.

# %%
record.keep(study.beaten(people, cells[target], target))
beats = controls.answers(
    record,
    {f"{prefix}.{k}": drawings.KINDS[k] for k in cfg.kinds},
    {"noise": "noise of the same size"},
)
show(
    controls.drawn(beats, "FAAP minus the control, accuracy →"),
    name="beats",
    caption=f"FAAP's number minus that of each control, for every deployed model of {target}: n = {n_test} test people, "
    f"mean over {cfg.targets[target]} trained models, bars are 95 % intervals over people and trainings.",
    alt="A panel for each deployed model and a row for each of five controls, with an interval and a dashed line at "
    "zero; the table below has the numbers.",
)

# %% tags=["hide-input"]
tables.table(
    controls.table(beats),
    caption="Does FAAP beat what costs nothing? The answer, and FAAP's number minus the control's.",
)

# %% [markdown]
# To the right of the dashed line FAAP is better. An interval that lies there as a whole is a *yes*; one that does not reach it is a *no*; one on both
# sides is *unclear*. The intervals are over people *and* trainings: with few trainings they are wide. Keep in mind that a threshold for each group has to be told who is who, and FAAP is not.

# %% [markdown]
# ## Is the group really gone?
#
# The method succeeds, by its own lights, where D cannot tell the groups apart. But D is one reader, trained against
# one moving target. Let a *fresh* reader learn from the perturbed codes, with G frozen.

# %% tags=["hide-input"]
read = {
    (k, reader): record.estimate(f"{prefix}.{k}.probe-{reader}")
    for k in cfg.kinds
    for reader in ("linear", "mlp", "linear-faap", "mlp-faap", "d-faap")
}
show(
    drawings.readers(read, share),
    name="readers",
    caption="How many test people's group is read correctly from the code, by reader; means over "
    f"{cfg.targets[target]} models with 95 % bootstrap intervals over people, n = {n_test}.",
    alt="For each model five marks. Each kind of probe lies further left after FAAP than before it, most for "
    "LF. No reader, D included, comes near the dotted line of guessing.",
)
removed = {
    (k, kind_): record.estimate(f"{prefix}.{k}.{kind_}-probe-change")
    for k in cfg.kinds
    for kind_ in ("linear", "mlp")
}
left = {k: record.estimate(f"{prefix}.{k}.fresh-over-majority") for k in cfg.kinds}
more = {k: record.estimate(f"{prefix}.{k}.fresh-over-d") for k in cfg.kinds}
expect(
    all(change_.value < 0 for change_ in removed.values())
    and min(removed, key=lambda key: removed[key].value)[0] == "lf",
    "every fresh probe reads less than before, and loses most on LF",
    "here a fresh probe reads no less than before, or does not lose most on LF",
    only="laptop",
)
expect(
    all(over.low > 0.04 for over in left.values())
    and all(read[k, "d-faap"].value > share + 0.04 for k in cfg.kinds),
    "on these faces every reader, D included, stays well above the base rate",
    "here a reader comes near the base rate",
    only="laptop",
)
expect(
    more["lf"].low > 0,
    "a fresh probe reads more than D on the LF model",
    "here a fresh probe does not clearly read more than D on the LF model",
    only="laptop",
)

# %% tags=["hide-input"]
ahead = [drawings.KINDS[k] for k in cfg.kinds if more[k].low > 0]
tables.table(
    pd.DataFrame(
        {
            "model": [drawings.KINDS[k] for k in cfg.kinds],
            "fresh probe minus larger group": [str(left[k]) for k in cfg.kinds],
            "fresh probe minus D": [str(more[k]) for k in cfg.kinds],
        }
    ),
    caption="What a fresh reader of the perturbed codes gets right, beyond guessing and beyond D.",
)
say(
    "The interval of the fresh probe minus D lies above zero for {n} of {total} models: {names}.",
    n=len(ahead),
    total=len(more),
    names=", ".join(ahead) or "none",
)

# %% [markdown]
# A fresh probe reads less than before, so information *is* removed. But it reads far more than the base rate for all four models, and so
# does D: on drawn faces nobody is fooled. On the LF model the fresh probe reads more than D. If somebody
# downstream can train their own reader, the group is still there for them. On photographs the two readers part, as the next sentence says.

# %% tags=["hide-input"]
for source in photographs[-1:]:
    above = {}
    for name in ("smiling", "attractive", "blond_hair"):
        first = f"celeba.{name}.lf"
        fresh = source.estimate(f"{first}.probe-mlp-faap").value
        base = fresh - source.estimate(f"{first}.fresh-over-majority").value
        above[name] = (source.estimate(f"{first}.probe-d-faap").value - base, fresh - base)
    expect(
        all(d < read["lf", "d-faap"].value - share and d < fresh for d, fresh in above.values()),
        "on photographs D comes closer to the base rate than on drawn faces, and the fresh probe does not follow",
        "in the record on photographs D does not come closer to the base rate than here",
        only="laptop",
    )
    say(
        "On photographs, LF model: D ends {a:+.3f}, {b:+.3f} and {c:+.3f} from the share of the larger group (Smiling, Attractive, "
        "Blond_Hair), the fresh probe {d:+.3f}, {e:+.3f} and {f:+.3f}. There D's accuracy flatters the method.",
        **dict(zip("abc", (d for d, _ in above.values()), strict=True)),
        **dict(zip("def", (fresh for _, fresh in above.values()), strict=True)),
    )

# %% [markdown]
# The paper shows the same by eye with t-SNE {cite}`vandermaaten2008tsne`. A picture of neighbours is not a measurement; the probe accuracies
# above are its quantitative half.

# %%
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors

rows = torch.from_numpy(np.flatnonzero(test)[:400])
codes = {
    title: study.see(patient, people.x[rows], by)[0].cpu().numpy()
    for title, by in (("plain", None), ("with FAAP", generator))
}
maps = {
    title: TSNE(perplexity=30, random_state=seed, init="pca").fit_transform(z)
    for title, z in codes.items()
}


def same(where: np.ndarray, which: np.ndarray) -> float:
    """Return the share of the ten nearest neighbours on the map who are of the same kind."""
    near = NearestNeighbors(n_neighbors=11).fit(where).kneighbors(where)[1][:, 1:]
    return float((which[near] == which[:, None]).mean())


groups = {title: same(where, group[rows]) for title, where in maps.items()}
targets = {title: same(where, label[rows]) for title, where in maps.items()}

# %% tags=["hide-input"]
show(
    drawings.codes(maps, label[rows], group[rows], (target, "Male")),
    name="codes",
    caption=f"t-SNE (perplexity 30) of the codes of the LF model of {target}, seed 0, for n = "
    f"{len(rows)} test people.",
    alt="Two clouds of points in two colours and two marks. Before FAAP the colours fill different "
    "sides; after it they are more mixed.",
)
expect(
    groups["with FAAP"] < groups["plain"],
    "the groups are more mixed on the map after FAAP",
    "here the groups are not more mixed on the map after FAAP",
    only="laptop",
)
say(
    "Of the ten nearest neighbours on the map {a:.0%} are of the same group before FAAP and {b:.0%} after it, and {c:.0%} and "
    "{d:.0%} have the same label.",
    a=groups["plain"],
    b=groups["with FAAP"],
    c=targets["plain"],
    d=targets["with FAAP"],
)

# %% [markdown]
# The map agrees with the probes: colours mix, and neighbours still share a group more often than by chance.

# %% [markdown]
# ## Where does the model look?
#
# The paper's figure 4 shows Grad-CAM {cite}`selvaraju2017gradcam` on images that were misclassified and are right
# with FAAP, and reads from it that the model now looks at the mouth. Selecting the corrected images favours the
# method, so a random sample stands beside it; and a map is turned into a number, the share of its
# heat inside a box around the mouth. (We use the second stage, 8×8 at 64 pixels; the last one is 2×2.)

# %%
looks = {
    name: [
        study.saliency.looks(people, target, s_, cfg, kind, selected=name == "selected")
        for s_ in cfg.seeds(target)
    ]
    for name in ("selected", "random")
}
record.keep(study.saliency.measures(looks))

# %% tags=["hide-input"]
shown_rows = np.flatnonzero(crowd.images.split == "test")[:6]
plain = pixels(crowd.images.x[shown_rows])
with torch.no_grad():
    both = {"plain": plain, "with FAAP": generator(plain)}
show(
    drawings.heat(
        both,
        {name: study.saliency.heat(patient, x).cpu().numpy() for name, x in both.items()},
        study.saliency.MOUTH["faces"],
    ),
    name="heat",
    caption="Grad-CAM of the predicted class on six drawn faces, not selected; the white frame is "
    f"the mouth box. LF model of {target}, seed 0.",
    alt="Two rows of six faces under heat maps. The maps differ between the rows without a clear "
    "move to the mouth.",
)

# %%
looked = {
    f"{what}, {'plain' if mark == '' else 'change with FAAP'}": record.estimate(
        f"cam.{name}.mouth{mark}"
    )
    for name, what in (("selected", "images that FAAP corrects"), ("random", "random images"))
    for mark in ("", "-change")
    if f"cam.{name}.mouth{mark}" in record
}
expect(
    all(found.low < 0.005 for what, found in looked.items() if "change" in what),
    "the heat does not move to the mouth",
    "here some heat moves to the mouth",
    only="laptop",
)
tables.table(
    pd.DataFrame({"images": looked.keys(), "share of heat": map(str, looked.values())}),
    caption="Heat in the mouth box: on plain images, and its change with FAAP.",
)

# %% [markdown]
# The change would be above zero if the model now looked at the mouth. Neither on the images that FAAP corrects nor on random
# ones does the interval say so.

# %% [markdown]
# ## The same person, drawn twice
#
# A gap compares groups. Drawn faces allow a harder question about individuals: change
# only the drawn sex of a person. Does the decision change?

# %%
if data == "synthetic":
    record.keep(study.extras.flips(people, twins.images.x, cfg))
    answer = {
        f"{drawings.KINDS[k]}{tail}": record.estimate(f"faces.{k}{mark}.flips")
        for k in ("normal", "lf")
        for tail, mark in (("", ""), (" + FAAP", "-faap"))
    }
    show(
        plots.plot_bars_ci(answer, xlabel="share of people whose decision changes"),
        name="flips",
        caption="Decisions that change when only the drawn sex changes; 95 % bootstrap over "
        f"n = {n_test} test faces, mean over {cfg.targets[target]} models.",
        alt="Four bars. FAAP shortens the bar of the LF model and leaves that of the "
        "normal model about where it was; none is near zero.",
    )
    closed = (
        -record.estimate(f"{prefix}.normal-faap.deo-change").value / deo_of["normal", "plain"].value
    )
    expect(
        record.estimate("faces.lf.flips-change").high < 0
        and abs(record.estimate("faces.normal.flips-change").value) < 0.03
        and closed > 0.15
        and min(bar.low for bar in answer.values()) > 0.1,
        "FAAP lowers the flips of the LF model, not those of the normal one, whose gap it narrows",
        "here FAAP does not lower the flips of LF alone",
        only="laptop",
    )
    say("The gap of the normal model closes by {closed:.0%}.", closed=closed)

# %% [markdown]
# For the model that was made unfair, FAAP makes decisions depend less on the drawn sex of *this*
# person, too, though it was trained for groups. For the normal model it does not: the gap between the groups closes in part,
# and about as many people as before would be decided differently had they been drawn as the other sex. A
# smaller gap between groups is not fairness to individuals.

# %% [markdown]
# Where does the bias come from in the first place? Draw another world, in which the target is
# independent of the drawn sex, train a normal model there, and let it decide about the people of ours.

# %%
if data == "synthetic" and not cfg.brief:
    free = faces.Dial(target=target, sensitive="Male", p=(0.5, 0.5))
    other = faces.sample(cfg.faces, seed + 1, cfg.size, free, device=device)
    record.keep(study.extras.dialled(people, other.images, cfg))
    expect(
        record.estimate("faces.dialled.deo-vs-law").high < 0,
        "a model from a world without the bias has a smaller DEO",
        "here a model from a world without the bias has no smaller DEO",
    )
    say(
        "Its DEO is {deo}, that is {less:+.3f} against the normal model. Much of the normal model's gap is learnt from its data.",
        deo=record.estimate("faces.dialled.deo"),
        less=record.estimate("faces.dialled.deo-vs-law"),
    )

# %% [markdown]
# ## Other settings, other adversaries
#
# The paper gives ε and no α, β or size of G. We change one at a time on the LF model.

# %%
if cfg.sweeps:
    settings = study.extras.sweep(people, cfg)
    show(
        drawings.sweeps(settings),
        name="sweeps",
        caption=f"One setting at a time, LF model of {target}, seed 0, n = {n_test} test people; "
        "bars are 95 % bootstrap intervals over people.",
        alt="Two panels, epsilon and beta, with DEO and accuracy at three settings each and a bar for every DEO.",
    )
    swing = settings.groupby("parameter")[["deo", "acc"]].agg(np.ptp)
    if {"beta", "epsilon"} <= set(swing.index):
        steps_ = {k: part.sort_values("value") for k, part in settings.groupby("parameter")}
        say(
            "Over the settings shown DEO moves by {eps:.3f} with ε and by {beta:.3f} with β, accuracy by {acc:.3f} at most.",
            eps=swing["deo"]["epsilon"],
            beta=swing["deo"]["beta"],
            acc=swing["acc"].max(),
        )
        words = {True: "overlap", False: "do not all overlap"}
        rises = bool((np.diff(steps_["beta"]["deo"]) > 0).all())
        say(
            "The larger move is that with {first}. DEO {rises} with the weight of the labels' loss, β; the intervals of the "
            "three settings {eps} for ε and {beta} for β.",
            first=max(("β", "ε"), key=lambda k: swing["deo"]["beta" if k == "β" else "epsilon"]),
            rises="rises at every step" if rises else "does not rise at every step",
            **{
                k: words[bool(steps_[name]["low"].max() < steps_[name]["high"].min())]
                for k, name in (("eps", "epsilon"), ("beta", "beta"))
            },
        )

# %% [markdown]
# Two more models answer a question about the paper's *patients*. An RG model whose adversary reads
# the code, as the text suggests, and an LF model with uniform flips.

# %%
if not cfg.brief:
    record.keep(study.extras.obvious(people, cfg))
    names = {
        "rg.features.deo": "RG on the code: DEO",
        "rg.features.deo-vs-normal": "RG on the code: DEO minus normal",
        "rg.features.probe": "RG on the code: group read from it",
        "rg.features.probe-vs-normal": "RG on the code: group read from it, minus normal",
        "lf.uniform.deo": "uniform flips: DEO",
        "lf.uniform.deo-vs-normal": "uniform flips: DEO minus normal",
    }
    odd = {name: record.estimate(identifier) for identifier, name in names.items()}
    expect(
        record.estimate("rg.features.deo-vs-normal").low < 0.02
        and record.estimate("lf.uniform.deo-vs-normal").low < 0.02
        and record.estimate("rg.features.probe-vs-normal").low > 0,
        "neither way makes the model more unfair, though RG makes the group easier to read",
        "here one of the two ways makes the model more unfair, or RG does not make the group easier to read",
        only="laptop",
    )
    display(
        tables.table(
            pd.DataFrame({"model and measure": odd.keys(), "estimate": map(str, odd.values())}),
            caption="Obvious ways to make a model unfair, against the normal model (one seed).",
        )
    )

# %% [markdown]
# Neither does what its name promises. The adversary on the code makes the group easier to read, and no decision more unequal by DEO;
# flips of anybody add noise. That is why the patients above are made in the other way.

# %% [markdown]
# And two more about the *fair* one of Smiling, on photographs: training without an adversary that lasts as long, and the
# fair training that we chose first, with a weak and slow adversary on the logit and the label.

# %%
if data == "real" and not cfg.brief:
    record.keep(study.extras.other_fair(people, cells["Smiling"], cfg))

# %% tags=["hide-input"]
known = [r for r in (*photographs, record) if "fair.logit.deo" in r]
if known:
    source = known[-1]
    names = {
        "normal": "celeba.smiling.normal",
        "normal, as long as fair": "fair.longer",
        "fair": "celeba.smiling.fair",
        "fair, as first chosen": "fair.logit",
    }
    scores = [source.estimate(f"{name}.deo") for name in names.values()]
    minus = [source.estimate(f"{name}.deo-vs-normal") for name in list(names.values())[1:]]
    display(
        tables.table(
            pd.DataFrame(
                {
                    "model": names.keys(),
                    "DEO": map(str, scores),
                    "minus normal": ["", *map(str, minus)],
                }
            ),
            caption=f"Models of Smiling on photographs, n = {scores[0].n} test people, means over "
            f"{len(source.measured('fair.longer.deo').values)} trained models; 95 % bootstrap intervals over people.",
        )
    )

# %% tags=["hide-input"]
if known:
    of = {
        (kind, what): source.measured(f"celeba.smiling.{kind}.{what}")
        for kind in ("normal", "fair", "rg")
        for what in ("deo", "acc", "tpr-gap", "fpr-gap")
    }
    deo = {kind: np.array(of[kind, "deo"].values) for kind in ("normal", "fair", "rg")}
    say(
        "The fair model has the smaller DEO in {lower} of {seeds} seeds. The gap in TPR (men minus women) goes from {tpr} "
        "to {tpr_fair}, the one in FPR from {fpr} to {fpr_fair}, the accuracy from {acc:.3f} to {acc_fair:.3f}. RG has the "
        "larger DEO in {higher} of {seeds} seeds, but they differ: the least is {least:.3f}, the median {median:.3f}, the "
        "greatest {greatest:.3f}.",
        lower=int((deo["fair"] < deo["normal"]).sum()),
        higher=int((deo["rg"] > deo["normal"]).sum()),
        seeds=len(deo["rg"]),
        tpr=of["normal", "tpr-gap"].estimate(),
        tpr_fair=of["fair", "tpr-gap"].estimate(),
        fpr=of["normal", "fpr-gap"].estimate(),
        fpr_fair=of["fair", "fpr-gap"].estimate(),
        acc=of["normal", "acc"].estimate().value,
        acc_fair=of["fair", "acc"].estimate().value,
        least=float(deo["rg"].min()),
        median=float(np.median(deo["rg"])),
        greatest=float(deo["rg"].max()),
    )

# %% tags=["hide-input"]
if known:
    gaps_of = {
        what: source.estimate(f"celeba.smiling.fair.{what}") for what in ("tpr-gap", "fpr-gap")
    }
    worst = int(deo["rg"].argmax())
    expect(
        gaps_of["tpr-gap"].low < 0 < gaps_of["tpr-gap"].high
        and gaps_of["fpr-gap"].low > 0
        and source.estimate("celeba.smiling.fair.deo-vs-normal").low < 0
        and source.estimate("celeba.smiling.fair.deo-vs-normal").high > 0
        and source.estimate("fair.longer.deo-vs-normal").value < 0
        and source.estimate("fair.logit.deo-vs-normal").low > 0
        and of["normal", "acc"].estimate().value - of["fair", "acc"].estimate().value < 0.01
        and of["rg", "tpr-gap"].values[worst] < -0.7,
        "the sentences below describe the record on photographs",
        "in this record a sentence below does not hold: the table and the sentence above show what does",
    )

# %% [markdown]
# The adversary does what it is paid for: it closes the gap in TPR. It pays with the gap in FPR, because the scores order men
# less well, and no shift of one group closes both. What is left is a smaller mean DEO, at less than a point of accuracy, that a
# test set of this size cannot tell from none, and part of it comes with the longer training (second row). The fair training
# that we chose first makes models *more* unfair than the normal ones by DEO, with as many epochs; why, we do not know. And an RG adversary
# can run away: in the worst seed the model has nearly stopped finding smiling men.

# %% [markdown]
# ## A model behind an interface
#
# The paper sends perturbed images to two commercial services. We may not send faces to anybody, and the services of
# 2022 are gone. Two stand-ins play their part: other architectures, trained on other images, behind an interface that takes 8-bit
# files, compresses them as JPEG, and returns a label: yes or no (A), or one of three levels (B). G is trained on two
# surrogates, the normal and the fair model, and never sees an answer.
#
# Be warned that this is an *easier* target than a commercial system: the stand-ins were trained on images of the same source.
# Even so, on drawn faces nothing transfers: what G learned against two ResNets does not move either box by more than chance. A
# generator that may look inside A closes about half of its gap; looking inside B does not help. The verdicts below say how it went on photographs.

# %%
runs = (
    [study.transfer.run_transfer(people, target, cfg.seeds(target)[0], cfg)]
    if not cfg.brief
    else []
)

# %%
if runs:
    record.keep(study.transfer.measures(people, runs))
    asked = {
        (box, version): record.estimate(f"transfer.{box}.{version}.deo")
        for box in "ab"
        for version in ("plain", "noise", "single", "transfer", "white-box")
    }
    show(
        drawings.boxes(asked),
        name="boxes",
        caption=f"DEO of two black boxes for {target}, seed 0; 95 % bootstrap over test people. "
        f"{sum(runs[0].queries.values())} images were sent in all.",
        alt="Two panels with five intervals each. Only the white-box perturbation of A "
        "lowers its DEO clearly; all others overlap with the plain images.",
    )
    inside = {box: asked[box, "white-box"].value - asked[box, "plain"].value for box in "ab"}
    share_a = -inside["a"] / asked["a", "plain"].value

# %%
if runs:
    expect(
        all(
            record.estimate(f"transfer.{box}.deo-change").low
            < 0
            < record.estimate(f"transfer.{box}.deo-change").high
            for box in "ab"
        )
        and 0.3 < share_a < 0.7
        and inside["b"] > -0.06
        and all(
            asked[box, how].low < asked[box, "plain"].high
            and asked[box, how].high > asked[box, "plain"].low
            for box in "ab"
            for how in ("noise", "single", "transfer")
        ),
        "nothing transfers, and a generator that looks inside closes about half of the gap of A and none of B's",
        "here a sentence about the boxes does not hold: the figure shows what does",
        only="laptop",
    )
    say(
        "As a share of its gap, the white-box generator moves A by {a:+.0%} and B by {b:+.0%}.",
        a=-share_a,
        b=inside["b"] / asked["b", "plain"].value,
    )

# %% [markdown]
# ## On your own model
#
# Any torch classifier that maps images in [0, 1] to logits will do. Name the layer whose output
# counts as the code; nothing in the model changes. The trained generator is a pre-processor that
# needs neither labels nor groups, and exports to TorchScript.

# %%
tool = faap.FAAP(patient, split="g", config=cfg.generator(target, epochs=0.2))
few = torch.from_numpy(np.flatnonzero(people.split == "train")[:512])
tool.fit(people.x[few], label[few], group[few], seed=seed)
print(tool.transform(sample).shape, tool.predict(sample).tolist())

# %% [markdown]
# ## Results against the paper
#
# All cells of the paper's tables are claims, written before the runs. Ours have smaller images, fewer of them and a
# narrower network, so each claims a *direction* only: the paper's number stands beside ours, and the verdict is about a difference
# whose sign the paper predicts. The numbers come from the committed record on photographs.
#
# A verdict asks for more than the captions above: other people *and* another training, with every test of this paper counted. So a sentence above may hold for these trained models, and its verdict may still be *inconclusive*.

# %%
tables.results_table(
    of_chapter(record, "c"), caption="The messages C1 to C7, Grad-CAM and the controls."
)

# %%
tables.results_table(
    of_chapter(record, "table1.celeba", suffix=".deo"), caption="Table 1 (a) to (c): CelebA, DEO."
)

# %%
tables.results_table(
    of_chapter(record, "table1.lfw.smiling", suffix=".deo"), caption="Table 1 (d): LFW, DEO."
)

# %%
tables.results_table(
    of_chapter(record, "probe.", "floor.", "faces."),
    caption="Fresh probes, the order within the groups, and synthetic faces.",
)

# %% tags=["hide-input"]
nowhere = [v for v in of_chapter(record, "table") if v.verdict == "not tested"]
of_lfw = [v for v in nowhere if v.id.startswith("table1.lfw.")]
of_services = [v for v in nowhere if v.id.startswith("table2.")]
if preset != "smoke" and photographs:
    assert len(of_lfw) + len(of_services) == len(nowhere)
    say(
        "The cells of accuracy and DP stand on the scoreboard. {n} more cells are claims too and *not tested*: {lfw} of tables one (e) and (f), "
        "because our edition of LFW has no such labels, and {services} of table two, because the services are not there to be asked. "
        "The scoreboard lists them.",
        n=len(nowhere),
        lfw=len(of_lfw),
        services=len(of_services),
    )

# %% tags=["hide-input"]
for source in photographs[-1:]:
    at = source.estimate
    made = [
        f"celeba.{name}.{k}"
        for name in ("smiling", "attractive", "blond_hair")
        for k in ("normal", "lf", "rg")
        if (name, k) != ("smiling", "normal")  # a small gap
    ]
    by_hand = [first for first in made if not first.endswith("normal")]
    expect(
        all(at(f"{first}-faap.deo-change").high < 0 for first in made)
        and all(at(f"{first}-faap.acc-change").value > -0.04 for first in made)
        and all(
            at(f"{first}-faap.deo-vs-{rival}").high < 0
            for first in made
            for rival in ("noise", "mixing", "threshold")
        )
        and all(at(f"{first}-faap.gain-vs-normal").high < 0 for first in by_hand)
        and all(at(f"lfw.smiling.{k}-faap.deo-change").high < 0 for k in ("normal", "lf", "rg"))
        and at("lfw.smiling.lf-faap.gain-vs-normal").high
        < 0
        < at("lfw.smiling.rg-faap.gain-vs-normal").high,
        "what is said to hold on photographs holds in the committed record",
        "in this record something that is said below to hold on photographs does not",
    )

# %% tags=["hide-input"]
for source in photographs[-1:]:
    at = source.estimate
    expect(
        at("celeba.smiling.normal-faap.deo-change").low
        < 0
        < at("celeba.smiling.normal-faap.deo-change").high
        and all(
            at(f"celeba.{name}.lf.deo-vs-normal").low > 0
            and at(f"celeba.{name}.fair.deo-vs-normal").high < 0
            for name in ("attractive", "blond_hair")
        )
        and at("celeba.smiling.lf.dp-vs-normal").low > 0
        and at("celeba.smiling.fair.dp-vs-normal").high < 0
        and all(at(f"cam.{name}.mouth-change").low < 0 for name in ("selected", "random"))
        and all(at(f"transfer.{box}.deo-change").high > -1e-3 for box in "ab")
        and at("celeba.smiling.lf-only-t.deo").value < 0.5 * at("celeba.smiling.lf.deo").value
        and all(
            at(f"celeba.{name}.{k}.fresh-over-majority").low > 0
            for name in ("smiling", "attractive", "blond_hair")
            for k in ("normal", "fair", "lf", "rg")
        ),
        "what is said not to hold on photographs does not hold in the committed record",
        "in this record something is otherwise than said below",
    )

# %% [markdown]
# What holds on photographs: FAAP closes the wide gaps of normal and unfair models on every target, at a price of a few points, and beats noise, mixing
# and a moved threshold there. The gain is largest for the models that were made unfair. LFW, with happiness in the place of a smile, says the
# same, but the gain of its RG model is not clearly larger than that of the normal one.
#
# What does not: where the gap is small to begin with (Smiling, normal), a test set of this size
# cannot show an effect. The order of C1, LF > normal > fair, holds for Attractive and Blond_Hair with intervals that exclude 0.
# For Smiling it holds for DP; for DEO it holds in the mean and in most seeds, but the interval of fair against normal includes 0.
#
# That fair model has a history. A first one had a weak adversary on the logit, chosen on validation images with one seed, and
# turned out *less* fair than the normal one on the test people. The present one was made after we knew this. Its weight was
# chosen on validation images among 5, 10, 15, 20, 30 and 100, with seeds that are not reported: six for the weight that won, one to five for the
# others. Below 10 DEO did not fall, from 30 on the models lost points of accuracy or collapsed. We tried as well, on validation images, and dropped: counting men four or ten times in the
# labels' loss, weights under which sex says nothing about smiling, and an adversary on images that the labels' loss never sees.
#
# A generator
# trained for the target alone closes much of the LF model's gap of Smiling as well (C6), which says that part of the repair is plain re-classification; on
# drawn faces it closes little. Grad-CAM does not move to the mouth, and what transfers to our black boxes cannot be told from nothing. And "the discriminator is at chance" is not "the group is gone":
# on CelebA the fresh probe is better than the base rate for every model and target. (On LFW, where one answer is right for most people, neither reader gets far above it.)

# %% [markdown]
# ## What we did differently
#
# | what | theirs | ours | why |
# |---|---|---|---|
# | images | 224 pixels, all of CelebA | 64 pixels (synthetic: 48), 10,000 per half | two cores |
# | network | ResNet-18, 30 epochs | the same blocks, a quarter of the width, 5 epochs | two cores |
# | stages | each model from scratch | kinds share the first epochs of a seed | half the time |
# | LF | rate and rule not stated | 30 % of two cells, against one group | uniform flips add no bias |
# | RG, fair | adversary not stated | RG: linear on the logit. Fair: on logit and label, for Smiling soft decision and label, for Blond_Hair the code; weights chosen on validation with seeds that are not reported | see the text |
# | G, D, α, β | not stated | AdvGAN-like, MLP, .1, .5 or 1 (chosen in the same way) | the fact that they are missing |
# | bound | clip | tanh | the clip has no gradient where it bites |
# | what G sees | not stated | instance norm after its first layer hides uniform colour from it | as in AdvGAN |
# | Blond_Hair | test images | validation and test pooled | 44 blond men in the test images |
# | LFW | 73 attributes, three targets | gender and "happiness" only, one seed; FAAP learns from the validation part | the attributes are a separate file |
#
# Public code by others has pitfalls that are easy to repeat. One widely used study computes the codes that G's
# loss needs without gradients, so G never learns, and clamps *normalised* images to [0, 1], which
# erases every pixel darker than the mean. Its numbers for FAAP say nothing about FAAP.

# %% [markdown]
# ## Limits, and who could be harmed
#
# **A patch hides the patient.** A model that passes an audit with FAAP in front of it is as biased as before
# without it. Whoever controls the pre-processor controls what the audit sees.
#
# **Two boxes for gender.** Everybody is "Male" or not, by the guess of strangers. People who fit neither box
# are counted in one of them.
#
# **Equal errors on a bad question.** A smaller gap in predicting "Attractive" is not a better reason to predict it.
#
# **Labels of $s$ are needed to train.** The method needs the sensitive attribute of a training half. Collecting it has risks of its own.

# %% [markdown]
# ## Exercises
#
# ### Exercise 1 (check)
# A model has TPRs of .9 and .7 and FPRs of .2 and .1. What are its DEO, the mean and the maximum of the
# gaps, and the average odds difference?

# %% tags=["hide-cell"]
tpr, fpr = 0.9 - 0.7, 0.2 - 0.1
print(f"sum {tpr + fpr:.2f}, mean {(tpr + fpr) / 2:.2f}, max {max(tpr, fpr):.2f}")
print(f"average odds difference {(tpr + fpr) / 2:.2f}: here the signs agree, so nothing cancels")

# %% [markdown]
# ### Exercise 2 (check)
# Why is a bias in a convolution before instance norm useless? Show that G has none.

# %% tags=["hide-cell"]
layers = [
    m for m in generator.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.ConvTranspose2d)
]
print("convolutions with a bias:", sum(m.bias is not None for m in layers), "of", len(layers))
print(
    "The norm subtracts the mean of each channel, and a bias with it; only the last layer has one."
)

# %% [markdown]
# ### Exercise 3 (code)
# How much of the effect survives if perturbed images are rounded to 8 bits and compressed?

# %% tags=["hide-cell"]
rows = torch.from_numpy(np.flatnonzero(test))
x_test = people.x[rows]
with torch.no_grad():
    sent = study.transfer.to_uint8(faap.perturb(generator, x_test))
print(
    f"without FAAP: DEO {equalized_odds_gap(label[rows], study.see(patient, x_test, None)[1] > 0, group[rows]):.3f}"
)
for name, received in (("float", None), ("8 bits", sent), ("JPEG", study.transfer.jpeg(sent, 90))):
    change = generator if received is None else None
    _, seen = study.see(patient, x_test if received is None else received, change)
    y_hat = (seen > 0).astype(int)
    print(f"{name}: DEO {equalized_odds_gap(label[rows], y_hat, group[rows]):.3f}")

# %% [markdown]
# ### Exercise 4 (research)
# Train G against a *population* of discriminators that are restarted now and then. Does the fresh probe
# end lower? There is no solution here; `faap.Game` is the place to start.

# %% [markdown]
# ## Keeping the record

# %%
path = record.save(results_dir)
print(f"{len(record.measurements)} measurements in {path}")

# %% [markdown]
# ## Sources
#
# The method and its numbers: {cite}`wang2022faap`. Generator: after {cite}`xiao2018advgan`. Adversarial training: {cite}`zhang2018`, with the ramp of
# {cite}`ganin2016dann`. Data: {cite}`liu2015`, {cite}`huang2007`. All wording, drawings and code here are ours.
