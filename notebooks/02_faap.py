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
# alone and change its *input*: a small network adds a {term}`perturbation` to every image, too small to
# matter to a person, and chosen so that the model can no longer tell the groups apart. They call it
# *fairness-aware {term}`adversarial perturbation`*, FAAP.
#
# No code was released. This chapter rebuilds the method from the paper, deploys four kinds of biased
# models as the paper does, and adds the {term}`controls <control>` that its tables lack. Two questions run
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
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from IPython.display import display
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors
from torch import nn
from torch.nn import functional

from fairtut.chapters import faap as study
from fairtut.chapters.faap import drawings, mechanisms
from fairtut.chapters.faap.opening import CHAPTER
from fairtut.data import images
from fairtut.data.images import pixels
from fairtut.data.synthetic import faces
from fairtut.evidence.spelling import number
from fairtut.lab.choice import beats as answered
from fairtut.methods import deployed, faap
from fairtut.methods.adversarial import entropy, joint_of_ratio, mutual_information
from fairtut.metrics import equalized_odds_gap
from fairtut.page import canvas, controls, plots, tables
from fairtut.page.box import box, learned
from fairtut.page.effects import Effects
from fairtut.page.figures import show
from fairtut.page.prose import say
from fairtut.page.quiz import Check, quiz
from fairtut.page.results import committed, load_claims, of_chapter
from fairtut.page.slider import Track, curves, slide
from fairtut.page.source import source_of
from fairtut.runtime.seeds import stream_seed, torch_rng

(preset, data, seed, results_dir), cfg, record, device = CHAPTER.open(
    preset, data, seed, results_dir
)
plots.use_style()

# %% tags=["hide-input"]
expect = Effects(preset, data, seed)
real = committed("faap")
of_lf = {k: real.estimate(f"celeba.smiling.lf{k}.deo").value for k in ("", "-faap", "-only-t")}
of_reader = {k: real.estimate(f"celeba.smiling.lf.probe-{k}").value for k in ("d-faap", "mlp-faap")}
guessing = of_reader["mlp-faap"] - real.estimate("celeba.smiling.lf.fresh-over-majority").value
found = (
    "Where the gap is wide, yes in what we measured: on photographs DEO of the model of Smiling with flipped labels falls from "
    "{before:.3f} to {after:.3f}, while no weight of it is touched; where the gap is narrow, nothing can be shown. But the group does not "
    "leave the code: there the discriminator is right about {d:.0%} of the people, a reader trained afterwards about {fresh:.0%}, and "
    "guessing would give {guessing:.0%} ({n} trainings; 95 % intervals over people and trainings)."
)


def of_both(id):
    """Return a mean of the record with its interval over people and trainings."""
    return real.measured(f"celeba.smiling.{id}").standard()


known_values = {
    "before": of_both("lf.deo"),
    "after": of_both("lf-faap.deo"),
    "d": of_both("lf.probe-d-faap"),
    "fresh": of_both("lf.probe-mlp-faap"),
    "guessing": guessing,
    "n": len(real.measured("celeba.smiling.lf.deo").values),
}
expect(
    real.estimate("celeba.smiling.lf-faap.deo-change").high < -0.2
    and real.estimate("celeba.smiling.normal-faap.deo-change").excludes(0) is False
    and real.estimate("celeba.smiling.lf-only-t.deo").value < 0.25 * of_lf[""]
    and real.estimate("celeba.smiling.lf.fresh-over-d").low > 0
    and real.estimate("celeba.smiling.lf.fresh-over-majority").low > 0,
    "the box says what the committed record on photographs says",
    "the record on photographs says something else than the box",
)

# %% tags=["hide-input"]
box(
    "faap",
    objectives=[
        "write the four losses of FAAP and the loop of its two players in plain torch",
        "say what the bound ε allows, and what it costs",
        "tell a closed gap from hidden information, and test both",
        "name the controls that a repaired model has to beat",
    ],
    prerequisites=[
        "how a classifier is trained by gradient descent",
        "what a false positive rate and a true positive rate are",
        "the idea of an adversary; chapter one has another one",
    ],
    worked="Mostly the labels, in the one place where this was measured: a generator that minimises the loss of the labels "
    "alone, without any discriminator, brings the same DEO of {before:.3f} to {only:.3f}.",
    answer=found,
    only=of_both("lf-only-t.deo"),
    **known_values,
)

# %% [markdown]
# The box stands here so that you can read the rest with a question in mind. Every number in it is computed from the
# committed {term}`record`, and every word about a {term}`headline` is the verdict of the rules on the page
# {doc}`how we judge <../book/judgement>`. It will come back at the end, when you know what its words cost.

# %% [markdown]
# **Before you go on.** "Male", "Attractive" and "Young" are labels that a few strangers gave to
# photographs of people who were not asked. We use them because the paper does, and because the
# question of the chapter is what a *model* makes of such labels. The page *Faces are not labels* says
# why they are not facts. Every face that you will see here is drawn by a program.

# %% [markdown]
# ## The claim in one picture, and what we measured
#
# The paper's first table has four deployed models for each of three targets, before and after FAAP. The upper row draws it;
# nothing in it is ours. The lower row is ours, from the committed record on photographs.

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

# %% tags=["hide-input"]
ours = {
    f"table1.{first}.{k}{tail}.{metric}": real.estimate(f"{first}.{k}{tail}.{metric}").value
    for first in drawings.TARGETS
    for k in drawings.KINDS
    for tail in ("", "-faap")
    for metric in ("deo", "acc")
}
expect(
    all(
        ours[f"table1.{first}.{k}-faap.deo"] < 0.55 * ours[f"table1.{first}.{k}.deo"]
        for first in drawings.TARGETS
        for k in ("lf", "rg")
    )
    and all(
        ours[f"table1.{first}.fair-faap.deo"] > 0.85 * ours[f"table1.{first}.fair.deo"]
        for first in drawings.TARGETS
    )
    and all(
        ours[f"table1.celeba.smiling.{k}-faap.acc"] > ours[f"table1.celeba.smiling.{k}.acc"]
        for k in ("lf", "rg")
    ),
    "ours are long arrows for unfair models and short ones for fair models, and two rise",
    "in the record on photographs the arrows look otherwise than the text says",
)
show(
    drawings.claim_arrows({"paper": published, "ours": ours}, drawings.TARGETS),
    name="claim",
    caption="Accuracy and DEO on CelebA as arrows from the deployed model (hollow) to the same model with FAAP (filled). Above, the paper's table 1, one run each; "
    "below, our photographs, means over the trained models.",
    alt="Six panels. Above, every arrow points to the right, towards a smaller DEO, and those of the unfair models are the longest. Below, those of the unfair "
    "models are as long or longer, and those of the fair models are short. For Smiling the unfair models rise.",
)

# %% [markdown]
# In the paper each arrow points to the right: the gap closes for every model, most for the ones that were made unfair on
# purpose. The price is small for Smiling and Blond_Hair and up to three points for Attractive.
#
# In our row the unfair models' arrows are long as well, and for Smiling they rise: models that learnt flipped labels get *more*
# accurate. The difference is in the fair models. Ours still have a gap for Attractive and Blond_Hair, and FAAP hardly moves it.

# %% [markdown]
# What the picture cannot say: how much of this a random perturbation would do, or a {term}`moved
# threshold`, and whether the numbers would move with another training. For that there are controls, and verdicts.

# %% [markdown]
# ## Who plays against whom
#
# FAAP is a game of two networks around a third one that does not move. The {term}`generator` $G$ draws a
# perturbation. The {term}`discriminator` $D$ reads the {term}`latent code` that the {term}`deployed model` makes of the perturbed image, and
# guesses the group. The model itself is *frozen*: gradients pass through it, and nothing in it changes.

# %% tags=["hide-input"]
show(
    mechanisms.players(),
    name="players",
    caption="One turn of the game. Solid arrows: what flows forward. Dashed arrows: whom a loss teaches.",
    alt="An image goes through the generator G to the frozen extractor g. Its code goes to the frozen head f, which guesses "
    "the label, and to the discriminator D, which guesses the group. The loss of D teaches D alone. A second loss, made of the two "
    "guesses, teaches G alone.",
)

# %% [markdown]
# Follow the dashed arrows. $D$ learns from one loss: be right about the group. $G$ learns from another one: make $D$ wrong
# *and unsure*, and let the head $f$ still find the label. No dashed arrow ends at a frozen box. That is the promise of the
# method, and a cell below checks it to the last bit.
#
# This is the second adversary of the book. In {doc}`FR-Train <01_frtrain>` the discriminators look at a model's decisions while
# the *model* learns; here the model has learnt, and the *picture* adapts.

# %% [markdown]
# ## Notation, and the measure
#
# | symbol | meaning |
# |---|---|
# | $x$, $\hat x = x + G(x)$ | image with pixels in [0, 1], and perturbed image |
# | $\epsilon$ | no pixel moves by more, .05 in the paper |
# | $g$, $f$ | the deployed model is $f(g(x))$: image to code, code to decision |
# | $s$ | {term}`sensitive attribute`, 1 is "Male"; the paper writes $z \in \{-1, 1\}$ |
# | $y$, $\hat y$ | target label and decision |
# | $G$, $D$ | generator of perturbations, discriminator that reads $s$ from the code |
# | $J$, $H$ | cross-entropy, and {term}`entropy` of a guess, both in {term}`nats <nat>` |
# | $\alpha$, $\beta$ | weights of the entropy and of the label's loss; the paper gives neither |

# %% [markdown]
# The paper measures **DEO**, the difference in {term}`equalised odds`. That its two gaps are *added* is
# not stated; it follows from the tables, where DP is about half of DEO. The
# {doc}`metrics guide <../book/metrics-guide>` shows what happens to one and the same model under the sum, the mean and the maximum.
#
# $$\mathrm{DEO} = |\mathrm{FPR}_1 - \mathrm{FPR}_0| + |\mathrm{TPR}_1 - \mathrm{TPR}_0|$$
#
# Eight people are enough to compute one by hand. In the next cell four are truly positive, and the model finds both women among
# them but only one of the men.

# %%
y_demo = np.array([1, 1, 1, 1, 0, 0, 0, 0])
s_demo = np.array([0, 0, 1, 1, 0, 0, 1, 1])
y_hat_demo = np.array([1, 1, 1, 0, 1, 0, 0, 0])  # TPR 1 and .5, FPR .5 and 0
value = equalized_odds_gap(y_demo, y_hat_demo, s_demo)
assert abs(value - 1.0) < 1e-12
print(f"DEO = {value:.2f} on n = {value.n} people: .5 from the TPRs, .5 from the FPRs")

# %% [markdown]
# A sum of two gaps lies between 0 and 2. Keep that in mind when a value below exceeds 1: it is no typing error, it is a model
# that treats men with and without the label very differently from women with and without it.

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
portraits = faces.sample(3, seed=seed + 5, size=48)
changed = {
    "drawn": portraits,
    "Male": faces.counterfactual(portraits, "Male"),
    "Smiling": faces.counterfactual(portraits, "Smiling"),
}

# %% tags=["hide-input"]
show(
    canvas.faces({name: group.images.x for name, group in changed.items()}),
    name="people",
    caption="Three drawn people (first row), and the same people with one factor changed: the "
    "drawn sex, the smile. Synthetic faces, n = 3 of a larger set.",
    alt="Three rows of three friendly illustrated portraits. From the first to the second row jaw, "
    "brows, beard and hair length change, in the third the mouths.",
)

# %% [markdown]
# Read a column from top to bottom: it is one person, three times. Background, clothes and pose stay as they are, and only what
# the row names is drawn anew. These twins come back in the section *The same person, drawn twice*.

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
# * **fair**: an {term}`adversary` tries to read $s$, and the model is rewarded where it fails {cite}`zhang2018`.
# * **RG**: the same with the gradient *reversed*, so the model helps the adversary ({term}`reversed gradient`).
# * **LF**: some labels are flipped before training ({term}`label flipping`).

# %% [markdown]
# The paper says little about the last two, and both have a trap. Flips that hit everybody alike add
# noise, not bias; ours go against the group that is labelled positive less often. And an
# adversary that reads the *code* makes the group readable without changing a single decision. Ours
# is linear and reads the *{term}`logit`*, so helping it means to push the groups' scores apart.
#
# The fair model has a trap of its own: the weight of its adversary. What an adversary can learn from decisions shrinks with
# the *square* of the gap, so a small gap is worth next to nothing in the loss. The next cell puts numbers on this: it halves a
# gap, and asks what the best adversary gains ({term}`mutual information`).

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

# %% [markdown]
# In words: the group with the lower {term}`base rate` loses some of its positive labels, and the other group gains some. What this does to
# the labels of our drawn people stands in the table.

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
# Flipping makes the two groups' labels more unlike than they were, and a model that learns such labels by heart will be
# further from equal errors on *clean* test labels. We evaluate on clean labels only.

# %% [markdown]
# ## The method, written out
#
# Here is the whole method on a toy: data, losses, loop, point. Nothing of it is hidden in the package, apart from the two
# networks of the players, which any others could replace. At the end we check that the package's version, which trains the faces further
# down, does the same to the last digit that matters.

# %% [markdown]
# ### Data: sixteen pixels a side, and a model that is unfair by construction
#
# A toy image is grey. How much redder its upper half is than its lower half tells the label $y$, with noise. How much bluer it
# is tells the group $s$. And the labels are not independent of the group: the base rates differ.
#
# The deployed model measures both contrasts. Its code has two numbers, red and blue, so that we can *see* it. Its head $f$ should look
# at red alone. It looks at blue, too.


# %%
def toy(n, seed):
    """Return images (n, 3, 16, 16), labels (n,) and groups (n,)."""
    rng = torch_rng(seed, "toy")
    s = torch.randint(0, 2, (n,), generator=rng)
    y = (torch.rand(n, generator=rng) < 0.35 + 0.3 * s).long()  # base rates .35 and .65
    contrast = torch.zeros(n, 3, 1, 1)
    contrast[:, 0, 0, 0] = 0.03 * (2 * y - 1) + 0.03 * torch.randn(n, generator=rng)  # red
    contrast[:, 2, 0, 0] = 0.04 * (2 * s - 1) + 0.01 * torch.randn(n, generator=rng)  # blue
    half = torch.ones(16, 1)
    half[8:] = -1  # the lower half
    return (
        (0.5 + contrast * half + 0.02 * torch.randn(n, 3, 16, 16, generator=rng)).clamp(0, 1),
        y,
        s,
    )


class Deployed(nn.Module):
    """Decides by red, as it should, and by blue, as it should not."""

    def __init__(self):
        super().__init__()
        self.g = nn.Sequential(
            nn.AdaptiveAvgPool2d((2, 1)), nn.Flatten(), nn.Linear(6, 2, bias=False)
        )
        self.f = nn.Linear(2, 2, bias=False)
        self.g[2].weight.data = 20 * torch.tensor([[1.0, -1, 0, 0, 0, 0], [0, 0, 0, 0, 1, -1]])
        self.f.weight.data = 2 * torch.tensor([[-1.0, -0.75], [1.0, 0.75]])
        self.requires_grad_(False)

    def forward(self, x):
        return self.f(self.g(x))


# %% [markdown]
# The last line of the constructor is the word *frozen* in code: no parameter of this model asks for a gradient. Gradients still pass *through* it to
# the image.
#
# ### Loss: four lines with their players
#
# With $\hat z = g(\hat x)$, cross-entropy $J$ and entropy $H$, the discriminator minimises (equation 3)
#
# $$L_D = J(D(\hat z), s),$$
#
# and the generator minimises (equations 4 to 6)
#
# $$L_G = \underbrace{-L_D - \alpha H(D(\hat z))}_{\text{hide } s} \; + \; \beta\,
#   \underbrace{J(f(\hat z), y)}_{\text{keep } y}.$$

# %%
J = functional.cross_entropy


def H(logits):
    """Return the mean entropy of guesses: 0 where they are sure, ln 2 where they are even."""
    log_p = logits.log_softmax(1)
    return -(log_p.exp() * log_p).sum(1).mean()


def loss_of_d(guess, s):  # equation 3: D wants to be right about the group
    return J(guess, s)


def hide(guess, s, alpha):  # equation 4: G wants D wrong, and unsure
    return -J(guess, s) - alpha * H(guess)


def keep(decision, y):  # equation 5: G wants the frozen head to find the label
    return J(decision, y)


def loss_of_g(guess, decision, s, y, alpha, beta):  # equation 6: both of it
    return hide(guess, s, alpha) + beta * keep(decision, y)


# %% [markdown]
# Read the signs. The same $J(D(\hat z), s)$ stands in the first line with a plus and in the second with a minus: what $D$ wants
# small, $G$ wants large. That is the whole game.
#
# The first term of $G$ alone would be happy with a discriminator that is confidently *wrong*, which only
# renames the groups. The entropy asks for one that does not know. The next drawing shows the difference.

# %% tags=["hide-input"]
show(
    mechanisms.entropy_term(),
    name="entropy",
    caption="Where the codes of two groups lie along the margin of D. A schematic drawing, no measurement.",
    alt="Three panels with two bell curves each. Before, each group lies on its own side of the border. With the first term alone "
    "they have changed sides. With the entropy both lie on the border.",
)

# %% [markdown]
# In the middle panel $D$ is always wrong, and its loss is as high as it can get. Yet whoever reads its answers upside down is always right. In the right
# panel nobody can be right more often than by a coin. The weight $\alpha$ is small, because the first term has to do the
# pushing; the paper calls it relatively small and gives no number.

# %% [markdown]
# Two checks before we trust the four lines. They must agree with the package's losses on random guesses. And a
# step of $G$ along its negative gradient must raise the discriminator's loss.

# %%
guess, decision = torch.randn(2, 64, 2, generator=torch_rng(seed, "guess"))
guess.requires_grad_()
who, what = torch.randint(0, 2, (2, 64), generator=torch_rng(seed, "who"))
assert torch.isclose(H(torch.zeros(1, 2)), torch.tensor(2.0).log())
assert torch.isclose(hide(guess, who, 0.1), faap.fairness_loss(guess, who, 0.1))
arguments = (guess, decision, who, what, 0.1, 0.5)
assert torch.isclose(loss_of_g(*arguments), faap.generator_loss(*arguments))
hide(guess, who, alpha=0.1).backward()
before, after = loss_of_d(guess, who), loss_of_d(guess - 0.5 * guess.grad, who)
assert after > before
print(f"the loss of D goes from {before:.4f} to {after:.4f} nats")

# %% [markdown]
# ### Loop: Algorithm 1
#
# The players take turns. Both see the *same* perturbed images; $D$ moves first, then $G$ answers to the new $D$. The bound is built in:
#
# $$\hat x = \mathrm{clamp}(x + \epsilon \tanh G(x), 0, 1).$$
#
# A hard clip, which the paper's algorithm has, reaches the same images but has no gradient where it bites.


# %%
def play(model, x, y, s, c, seed):
    """Algorithm 1 with the settings c; return the trained G."""
    players = faap.Pair([2], c, seed)  # G and D with their first weights
    g, d = players.g, players.d[0]
    adam_g = torch.optim.Adam(g.parameters(), c.lr_g, (c.momentum, 0.999))
    adam_d = torch.optim.Adam(d.parameters(), c.lr_d, (c.momentum, 0.999))
    shuffle = torch_rng(stream_seed(seed, "faap"), "shuffle")
    mirror = torch_rng(seed, "augment")
    steps = len(x) // c.batch
    for turn in range(steps * int(c.epochs)):
        if turn % steps == 0:  # a new pass over the data
            order = torch.randperm(len(x), generator=shuffle)
        rows = order[turn % steps * c.batch :][: c.batch]
        flip = torch.rand(c.batch, generator=mirror)[:, None, None, None] < 0.5
        batch = torch.where(flip, x[rows].flip(-1), x[rows])  # half of them mirrored
        adam_g.param_groups[0]["lr"] = c.lr_g * min(1, 2 - 2 * turn / (steps * c.epochs))

        x_hat = (batch + c.epsilon * torch.tanh(g.raw(batch))).clamp(0, 1)
        code = model.g(x_hat)

        adam_d.zero_grad()  # D moves; `detach` keeps its loss away from G
        loss_of_d(d(code.detach()), s[rows]).backward()
        adam_d.step()

        adam_g.zero_grad()  # G answers to the new D
        loss_of_g(d(code), model.f(code), s[rows], y[rows], c.alpha, c.beta).backward()
        adam_g.step()
    return g.eval()


# %% [markdown]
# Three places deserve a second look. `detach` cuts the code off, so that the loss of $D$ cannot teach $G$. The guess `d(code)` in the turn of
# $G$ is computed anew, by the $D$ that has just moved. And `zero_grad` of $D$ throws away what the loss of $G$ left behind in it: that loss passes through
# $D$ on its way to $G$, as it passes through the model.
#
# ### Point: what came of it

# %%
toy_config = faap.Config(
    width=4, blocks=1, hidden=(16,), epochs=12, batch=32, lr_g=2e-3, lr_d=1.6e-2, decay=True
)
toy_model, train_set, test_set = Deployed(), toy(384, seed), toy(2000, seed + 1)


def point(images_):
    """Return accuracy and DEO of the toy's deployed model on images of its test people."""
    decided = toy_model(images_).argmax(1)
    deo = equalized_odds_gap(test_set[1], decided, test_set[2])
    return float((decided == test_set[1]).float().mean()), float(deo)


mine = play(toy_model, *train_set, toy_config, seed)
package = faap.train(faap.Split(toy_model), *train_set, config=toy_config, seed=seed).perturber
x_hats = {"by hand": faap.perturb(mine, test_set[0]), "package": faap.perturb(package, test_set[0])}
apart = float((x_hats["by hand"] - x_hats["package"]).abs().max())
assert apart < 1e-3 * toy_config.epsilon, apart  # room for rounding, in units of the bound
assert abs(point(x_hats["by hand"])[1] - point(x_hats["package"])[1]) < 0.01
toy_before, toy_after = point(test_set[0]), point(x_hats["by hand"])

# %% tags=["hide-input"]
expect(
    toy_after[1] < 0.5 * toy_before[1] and toy_after[0] > toy_before[0] - 0.03,
    "FAAP more than halves the toy's DEO at less than three points of accuracy",
    "here FAAP does not halve the toy's DEO at less than three points of accuracy",
)
some = slice(0, 50)
show(
    drawings.toy(
        {
            "as deployed": toy_model.g(test_set[0][some]).numpy(),
            "with FAAP": toy_model.g(x_hats["by hand"][some]).numpy(),
        },
        test_set[1][some].numpy(),
        test_set[2][some].numpy(),
        (toy_model.f.weight[1] - toy_model.f.weight[0]).numpy(),
    ),
    name="toy",
    caption="The codes of 50 toy images. The head decides for 1 to the upper right of the dashed line.",
    alt="Two panels of points. Before, the groups lie in an upper and a lower band, and the slanted line treats them "
    "differently. After, the bands have merged around the middle.",
)
say(
    "The toy's DEO goes from {before:.3f} to {after:.3f}, its accuracy from {acc:.3f} to {acc_after:.3f}. Plain lines and package differ by at "
    "most {apart:.1%} of the bound in any pixel.",
    before=toy_before[1],
    after=toy_after[1],
    acc=toy_before[0],
    acc_after=toy_after[0],
    apart=apart / toy_config.epsilon,
)

# %% [markdown]
# Equal is meant strictly here, and it has to be. A game of two players forgets nothing: if the entropy were rounded otherwise in its seventh digit, the two
# trainings would drift apart, by some percent of the bound even in this short game. That is one reason why this book trains more than once.
#
# Look at the left panel first. The dashed line is slanted, so a person of the upper band needs less red to be accepted. FAAP cannot
# straighten the line; it belongs to the frozen model. It moves the *points* instead, until the bands lie on each other: then the slant has nothing to work on.

# %% [markdown]
# ### What does β do?
#
# The paper does not say how much the label's loss weighs. On the toy we can afford to try. Move the slider: at 0 nothing asks
# $G$ to keep the labels; with a large weight $G$ serves the labels, and labels with different base rates want to know the group.

# %% tags=["hide-input"]
weights = [0.0, 0.5, 1.0, 4.0, 16.0]
tried = []
trainings = 1 if preset == "smoke" else 3
for beta in weights:
    others = [
        play(toy_model, *train_set, replace(toy_config, beta=beta), seed + k)
        for k in range(trainings)
    ]
    tried.append(np.mean([point(faap.perturb(other, test_set[0])) for other in others], 0))
accuracy_at, deo_at = zip(*tried, strict=True)
still, ax = canvas.grid(1, 1, (6.0, 2.8))
ax = ax[0, 0]
ax.plot(range(len(weights)), accuracy_at, "o-", color=plots.PALETTE[0], label="accuracy")
ax.plot(range(len(weights)), deo_at, "s--", color=plots.PALETTE[1], label="DEO")
ax.set(xticks=range(len(weights)), xticklabels=[f"{w:g}" for w in weights], xlabel="β", ylim=(0, 1))
ax.legend()
curves(
    weights,
    {"accuracy": accuracy_at, "DEO": deo_at},
    says=[
        f"At β = {w:g} the accuracy is {a:.3f} and DEO {gap:.3f}; as deployed they were {toy_before[0]:.3f} and {toy_before[1]:.3f}."
        for w, (a, gap) in zip(weights, tried, strict=True)
    ],
    label="β, the weight of the labels",
    ylabel="share",
    ylim=(0, max(1.0, *deo_at)),
    even=True,
    still=still,
    caption="Accuracy and DEO of the toy by the weight of the labels' loss; 2,000 test images, "
    f"{trainings} training{'s' * (trainings > 1)} each (their mean).",
    alt=f"Two curves over five values of beta. DEO is lowest at {weights[int(np.argmin(deo_at))]:g}, with {min(deo_at):.2f}, and {deo_at[-1]:.2f} at {weights[-1]:g}.",
    name="beta-slider",
)
expect(
    deo_at[4] > deo_at[2] and min(deo_at[1:]) < 0.2 and accuracy_at[0] < min(accuracy_at[1:]),
    "without a label loss accuracy falls; a large weight leaves a larger DEO than a moderate one",
    "here the toy's DEO does not rise with a large weight of the labels",
    only="laptop",
)

# %% [markdown]
# Two failures frame the useful middle. Without a label loss accuracy is lost. With too much of it the gap comes back. Where the middle lies depends on
# the data, so a paper that does not give β leaves its reader a search to do. The same search on drawn faces is in the section
# *Other settings, other adversaries*.

# %% [markdown]
# ### The package's version of one turn
#
# The package does the same for several deployed models at once, on any device, and can be interrupted. Compare it with the loop above:
# the order of the moves and the one `detach` are the same.

# %%
source_of(faap.Game.step)

# %% [markdown]
# ## What the bound allows
#
# $\epsilon$ is a promise about each pixel: it moves by $\epsilon$ at most, and it stays a pixel. The drawing shows a row of
# sixteen of them, and the two ways to keep the promise.

# %% tags=["hide-input"]
row, row_moved = mechanisms.pixel_row(cfg.faap.epsilon)
assert np.abs(row_moved - row).max() <= cfg.faap.epsilon + 1e-12
show(
    mechanisms.bound(cfg.faap.epsilon),
    name="bound",
    caption="Left: a row of pixels, the band that the bound allows, and pixels that FAAP might make of them. Right: how the raw output "
    "of G becomes a change, by a soft and by a hard bound.",
    alt="Left, sixteen circles along a wave with a grey band around each, cut off at 0 and 1; a dot lies inside every band. Right, a smooth curve "
    "from minus to plus epsilon, and a step that is flat almost everywhere.",
)

# %% [markdown]
# On the left, white and black pixels have half a band only: beyond them there is no colour. On the right, the hard clip is flat as
# soon as $|G|$ exceeds ε. Flat means no gradient: a pixel that hits the wall stays there, whatever the loss says. The soft bound never quite arrives and never goes
# blind.
#
# Some things must hold exactly: what the algorithm promises of a step, and that the exported pre-processor gives the same
# images. They are claims like any other, and they are checked on one step with a real patient. No tensor of the
# deployed model may change, and no pixel may leave its band.

# %%
with tempfile.TemporaryDirectory() as folder:
    exact = study.side.invariants(people, target, cfg, Path(folder) / "faap.pt")
record.keep(exact)
assert exact["exact.changed-tensors"].values == [0] and exact["exact.excess"].values == [0]

# %% tags=["hide-cell"]
tables.results_table(of_chapter(record, "exact."), caption="What must hold exactly, on one batch.")

# %% [markdown]
# ## The protocol
#
# One *cell* of the experiment is a target, a seed and a kind of patient. Here it is, whole. The training half of the
# patient and that of FAAP are disjoint, and the people on whom everything is judged belong to neither.

# %%
source_of(study.treat)

# %% [markdown]
# Read it line by line.
#
# 1. `deploy` trains the patient on the first half, and from then on nothing touches it.
# 2. `generator` plays the game on the *other* half, with the loop that you have seen.
# 3. `people` are the validation and test images. Only test images enter a table; thresholds, where one is chosen honestly, come from
#    validation.
# 4. `versions` lists what stands in front of the model: noise of the size of ε, FAAP, and for some targets a generator that was trained on the label's loss
#    alone ({term}`only-T`).
# 5. `see` runs the frozen model on every version, and keeps the difference of its two logits. A positive one means *yes*.
# 6. The readers are fresh probes: they learn from codes of FAAP's own training images, and are asked about the evaluated people.

# %% [markdown]
# One of these parts is worth seeing as well: what noise is, so that it is a fair rival.

# %%
source_of(study.Noise)

# %% [markdown]
# Every pixel of the noise moves by the whole ε, up or down. No perturbation within the bound is larger. If FAAP does more than this noise, it is
# the direction that matters and not the size.
#
# ## Train everything
#
# Cells are kept on disk, so a run that was interrupted goes on where it was.

# %%
cells = study.run_cells(people, cfg)
for several in cells.values():
    record.keep(study.measures.table(people, several, target))
prefix = study.measures.prefix(people, target, target)
if data == "real":
    lfw = images.load("lfw", size=cfg.size, device=device)
    record.dataset(lfw.name, rows=len(lfw), digest=lfw.digest, source=lfw.source)
    for several in study.run_cells(lfw, study.for_lfw(cfg)).values():
        record.keep(study.measures.table(lfw, several))

# %% [markdown]
# With a run of your own on photographs (`data = "real"`) the same cells are filled with CelebA {cite}`liu2015`, and those of LFW {cite}`huang2007` are added. On
# this page the people are drawn, and the photographs' numbers come from the committed record.

# %%
photographs = [record] if data == "real" and preset != "smoke" else [real]
task = study.Task(people, target, cfg.seeds(target)[0], cfg.half)
patient = study.deploy(task, kind, cfg)
generator, _, history = study.generator(task, [patient], [kind], cfg.generator(target))
sample = pixels(crowd.images.x[crowd.images.split == "test"][:3])
with torch.no_grad():
    moved = generator(sample)
change = (moved - sample).abs()
assert change.max() <= cfg.faap.epsilon + 1e-6
edge, quarter = cfg.size // 6, cfg.size // 4
ends = (slice(edge), slice(-edge, None))
corners = torch.stack([change[..., a, b] for a in ends for b in ends])
middle = float(change[..., quarter:-quarter, quarter:-quarter].mean())
expect(
    middle > 1.5 * float(corners.mean()),
    "the middle of the picture changes more than the corners",
    "here the middle of the picture does not change more than the corners",
    only="laptop",
)

# %% [markdown]
# What does a perturbation look like? We show it on drawn faces, twenty times enlarged.

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
    alt="Three rows of three faces. The second row has a faint texture; the third shows "
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

# %% [markdown]
# ### Turn the bound yourself
#
# The trained generator has one knob that may still be turned: ε. The slider shows one person and the frozen model's results on all test
# people, as the *same* generator is allowed to move pixels less or more than it was trained for. To read the two curves on one axis, DEO is
# divided by two: the mean of its two gaps.

# %% tags=["hide-input"]
test = people.split == "test"
rows = torch.from_numpy(np.flatnonzero(test))
trained_with, stops = generator.epsilon, [round(0.02 * k, 2) for k in range(6)]
pictures, scores = [], []
for generator.epsilon in stops:
    with torch.no_grad():
        pictures.append(generator(sample[:1])[0])
    decided = study.see(patient, people.x[rows], generator)[1] > 0
    gap = float(equalized_odds_gap(label[test], decided, group[test]))
    scores.append((float((decided == label[test]).mean()), gap / 2))
generator.epsilon = trained_with
as_is, turned = scores[0], [gap for _, gap in scores]
expect(
    min(turned[2:4]) < 0.8 * turned[0],
    "around the bound of its training the generator closes a part of the gap",
    "here turning the bound closes no clear part of the gap",
    only="laptop",
)

# %% tags=["hide-input"]
still, (axes,) = canvas.grid(1, 1, (6.0, 2.8))
for k, (name, style) in enumerate({"accuracy": "o-", "half of DEO": "s--"}.items()):
    axes[0].plot(stops, [s_[k] for s_ in scores], style, color=plots.PALETTE[k], label=name)
axes[0].set(xlabel="ε", ylim=(0, 1))
axes[0].legend()
slide(
    stops,
    torch.stack(pictures),
    [Track("accuracy", [a for a, _ in scores]), Track("half of DEO", turned)],
    [
        f"At ε = {e:g} the accuracy is {a:.3f} and DEO {2 * gap:.3f}; without a perturbation they are {as_is[0]:.3f} and {2 * as_is[1]:.3f}."
        for e, (a, gap) in zip(stops, scores, strict=True)
    ],
    still=still,
    label="ε, the bound",
    ylabel="share",
    caption=f"One drawn person, and the LF model of {target} on all test people (seed 0, n = {len(rows)}), as the bound of the trained generator is turned. "
    "The dashed line is the accuracy without a perturbation.",
    alt="A drawn face whose texture gets stronger with the bound, beside two curves: accuracy and half of DEO.",
    name="epsilon-slider",
    border=as_is[0],
)

# %% [markdown]
# At 0 stands the picture as it was, with the whole gap. To the right of .05 the generator uses a room that it was never trained for, and
# its texture gets stronger still. Training anew for each bound is another experiment; its intervals are in the section *Other settings, other adversaries*.

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
# with more images, D comes closer to it (below). The committed record on photographs keeps no curves, so there is no second
# panel here. Remember this one when we come to the fresh probe.

# %% [markdown]
# ## Does the gap close?
#
# Now the first of the two questions. For each of the four patients three marks: as deployed, with noise, with FAAP. The upper left panel is this run on drawn
# faces, the other three are the committed record on photographs.

# %% tags=["hide-input"]
versions = {"plain": "", "noise": "-noise", "faap": "-faap"}


def estimates(metric, source=record, first=prefix):
    """Return a metric of every patient and version of a target."""
    return {
        (k, v): source.estimate(f"{first}.{k}{tail}.{metric}")
        for k in cfg.kinds
        for v, tail in versions.items()
    }


n_test, deo_of = record.measured(f"{prefix}.normal.deo").n, estimates("deo")
show(
    drawings.deployed(
        {f"{target}, this run": deo_of}
        | {
            f"{title}, photographs": estimates("deo", real, first)
            for first, title in drawings.TARGETS.items()
        },
        "DEO",
    ),
    name="deployed",
    caption=f"DEO of the deployed models. Upper left: {people.name}, mean over {cfg.targets[target]} trained models, n = {n_test} test people. "
    "The others: CelebA, from the committed record. Bars are 95 % bootstrap intervals over the same test people.",
    alt="Four panels, in each three marks for every model: as deployed, with noise, with FAAP. On drawn faces noise moves each "
    "somewhat to the left and FAAP further. On photographs noise hardly moves any, and FAAP moves the wide gaps far.",
)

# %% tags=["hide-input"]
beside = {}
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
    caption=f"DEO on drawn faces as deployed, and what FAAP and noise add to it; 95 % bootstrap over {n_test} test people.",
)

# %% [markdown]
# On the drawn faces LF has the widest gap and the fair one the smallest, as the paper wants. RG should lie with LF; on
# these faces it lies near the normal model. FAAP lowers all four gaps. The fair model is no exception: it had a gap left, and FAAP closes a good part of it.

# %% tags=["hide-input"]
lf_drop = record.estimate(f"{prefix}.lf-faap.deo-change")
by_noise = {
    k: (deo_of[k, "noise"].value - deo_of[k, "plain"].value)
    / record.estimate(f"{prefix}.{k}-faap.deo-change").value
    for k in cfg.kinds
}
there = {
    (first, k): (
        real.estimate(f"{first}.{k}-noise.deo").value - real.estimate(f"{first}.{k}.deo").value
    )
    / real.estimate(f"{first}.{k}-faap.deo-change").value
    for first in drawings.TARGETS
    for k in ("lf", "rg")
}
say(
    "Noise of the same size is a rival to take seriously on drawn faces: it does {least:.0%} to {most:.0%} of what FAAP does there, "
    "because these small models are easily disturbed. On photographs it does {low:.0%} to {high:.0%} of it for the two unfair models.",
    least=min(by_noise.values()),
    most=max(by_noise.values()),
    low=min(there.values()),
    high=max(there.values()),
)
say(
    "The price of FAAP in accuracy is {acc_lf:+.3f} for the LF model and {acc:+.3f} for the normal one (drawn faces, bootstrap over {n} test people).",
    acc_lf=record.estimate(f"{prefix}.lf-faap.acc-change"),
    acc=record.estimate(f"{prefix}.normal-faap.acc-change"),
    n=n_test,
)
narrow = [
    [real.estimate(f"celeba.smiling.{k}{tail}.deo") for tail in ("", "-faap")]
    for k in ("normal", "fair")
]
expect(
    max(there.values()) < 0.15 and all(a.low < b.high and b.low < a.high for a, b in narrow),
    "on photographs noise does little, and the bars of narrow gaps overlap",
    "here noise does more, or the bars of narrow gaps lie apart",
)
expect(lf_drop.value < 0, "FAAP lowers the DEO of LF", "here FAAP does not lower the DEO of LF")

# %% [markdown]
# The three panels of photographs tell the same story with one difference. Where the gap as deployed is wide, FAAP moves it far. Where it
# is narrow, as for the normal and the fair model of Smiling, the bars of *before* and *after* overlap, and nothing can be said.

# %% [markdown]
# ### Against what costs nothing
#
# Three rivals need no training. Give everybody the more frequent label ({term}`constant classifier`): no gap, and no use. Give
# a random share of the people that label: the *{term}`mixing line`*. Or move the threshold, the same for everybody. The
# {doc}`metrics guide <../book/metrics-guide>` says why a method has to beat them before its gap means anything.

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
# The threshold is chosen on the test people themselves, so it is an oracle and a strong control. These LF models with their perturbations lie above
# its curve. A threshold moves everybody alike; a perturbation may move the two groups *differently*, without being told who is who.

# %% tags=["hide-input"]
shift = (measured.margins(kind, "faap") - measured.margins(kind, "plain")).mean(0)  # (n,)
moves = {
    who_: float(shift[measured.panel.s == k].mean()) for k, who_ in enumerate(("women", "men"))
}
expect(
    record.estimate(f"{prefix}.lf-faap.deo-vs-mixing").high < 0
    and record.estimate(f"{prefix}.lf-faap.deo-vs-threshold").high < 0,
    "FAAP on LF beats the mixing line and the moved threshold",
    "here FAAP on LF does not clearly beat the mixing line and the moved threshold",
    only="laptop",
)
expect(
    moves["men"] > moves["women"],
    "FAAP raises the margins of men against those of women",
    "here FAAP does not raise the margins of men against those of women",
    only="laptop",
)
say(
    "On average FAAP moves the LF model's margin by {men:+.2f} for men and by {women:+.2f} for women; a threshold moves both alike.",
    **moves,
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
record.keep(study.side.floors(people, cells))
views = [(record, target, prefix)]
if data == "synthetic":
    views.append((real, "Smiling", "celeba.smiling"))
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
tables.table(
    controls.table(beats),
    caption="Does FAAP beat what costs nothing? The answer, and FAAP's number minus the control's.",
)

# %% [markdown]
# To the right of the dashed line FAAP is better. An interval that lies there as a whole is a *yes*; one that does not reach it is a *no*; one on both
# sides is *unclear*. The intervals are over people *and* trainings: with few trainings they are wide. Keep in mind that a threshold for each group has to be told who is who, and FAAP is not.
#
# This contest has been held on drawn faces only: the committed record on photographs is older than the question. What it does hold are differences at equal
# accuracy. The next table has the answers for the LF models there.

# %% tags=["hide-input"]
given = [answered(e) for one in beats.values() for e in one.values()]
say(
    "Of the {n} answers about drawn faces {yes} are *yes*, {no} *no* and {unclear} *unclear*.",
    n=len(given),
    yes=given.count("yes"),
    no=given.count("no"),
    unclear=given.count("unclear"),
)
contest = {v.id: v for v in of_chapter(record, "control.")}
words = {
    (rival, name): contest[f"control.{rival}.{name}"].verdict
    for rival in ("noise", "mixing", "threshold")
    for name in ("smiling", "attractive", "blond_hair")
}
display(
    tables.table(
        pd.DataFrame(
            [
                {"does FAAP beat": words_}
                | {t: words[r_, t.lower()] for t in drawings.TARGETS.values()}
                for r_, words_ in (
                    ("noise", "noise of the same size"),
                    ("mixing", "the mixing line"),
                    ("threshold", "a moved threshold"),
                )
            ]
        ),
        caption="DEO of the LF model with FAAP minus that of a control, on photographs: answers over people and trainings.",
    )
)
expect(
    all(words[r_, t] == "yes" for r_, t in words if t != "blond_hair")
    and all(words[r_, t] == "unclear" for r_, t in words if t == "blond_hair"),
    "FAAP beats the three controls on Smiling and Attractive, and the two trainings of Blond_Hair leave it open",
    "here the answers on photographs are others than the sentence below says",
    only="laptop",
)

# %% [markdown]
# For Smiling and Attractive the three answers are *yes*. For Blond_Hair two trainings differ so much that none can be given.

# %% [markdown]
# ## Is the group really gone?
#
# The method succeeds, by its own lights, where D cannot tell the groups apart. But D is one reader, trained against
# one moving target. Let a *fresh* reader learn from the perturbed codes, with G frozen. It is a {term}`linear probe`, or a small network of
# one hidden layer.

# %% tags=["hide-input"]
show(
    mechanisms.two_readers(),
    name="two-readers",
    caption="Two readers of the same codes. D had to follow a generator that moved at every step; the fresh reader comes when "
    "G has stopped, and sees codes of G's own training images.",
    alt="Perturbed images go through the frozen extractor. Its codes go to D, which was trained while G moved, and to a fresh reader, trained "
    "when G had come to its end. Both guess the group.",
)

# %% [markdown]
# If the information about the group were gone, both readers would be at the share of the larger group, whatever they do. If D alone is at that share, D has been
# fooled. An auditor, a buyer of the codes, the next layer of somebody's pipeline: each is a fresh reader.

# %% tags=["hide-input"]
READERS = ("linear", "mlp", "linear-faap", "mlp-faap", "d-faap")
read, read_there = (
    {(k, r_): source.estimate(f"{first}.{k}.probe-{r_}") for k in cfg.kinds for r_ in READERS}
    for source, first in ((record, prefix), (real, "celeba.smiling"))
)
fresh_there = real.estimate("celeba.smiling.normal.fresh-over-majority").value
share_there = read_there["normal", "mlp-faap"].value - fresh_there
show(
    drawings.readers(
        {
            f"{target}, this run": (read, share),
            "Smiling, photographs": (read_there, share_there),
        }
    ),
    name="readers",
    caption="How many test people's group is read correctly from the code, by reader; means over the trained "
    f"models with 95 % bootstrap intervals over people (left n = {n_test}). The dotted line is the share of the larger group.",
    alt="Two panels, five marks for each model. Each kind of probe lies further left after FAAP than before it, most for "
    "LF. On the left no reader comes near the dotted line of guessing. On the right D lies to the left of the line, and the fresh probes to the right of it.",
)
removed = {
    (k, kind_): record.estimate(f"{prefix}.{k}.{kind_}-probe-change")
    for k in cfg.kinds
    for kind_ in ("linear", "mlp")
}
left = {k: record.estimate(f"{prefix}.{k}.fresh-over-majority") for k in cfg.kinds}
more = {k: record.estimate(f"{prefix}.{k}.fresh-over-d") for k in cfg.kinds}

# %% tags=["hide-input"]
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
expect(
    all(
        read_there[k, "d-faap"].value < share_there < read_there[k, "mlp-faap"].low
        for k in cfg.kinds
    ),
    "on photographs D ends below the share of the larger group, and the fresh probe above it",
    "in the record on photographs D and the fresh probe lie otherwise",
)

# %% tags=["hide-input"]
ahead = [drawings.KINDS[k] for k in cfg.kinds if more[k].low > 0]
display(
    tables.table(
        pd.DataFrame(
            {
                "model": [drawings.KINDS[k] for k in cfg.kinds],
                "fresh probe minus larger group": [str(left[k]) for k in cfg.kinds],
                "fresh probe minus D": [str(more[k]) for k in cfg.kinds],
            }
        ),
        caption="What a fresh reader of the perturbed codes gets right, beyond guessing and beyond D; "
        f"means over {cfg.targets[target]} trained models, 95 % bootstrap over {n_test} test people.",
    )
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
# One caution against reading too much into a fresh reader. A code that serves the label carries the label, and the label itself tells something about the group wherever
# base rates differ. No method can hide all of that and keep its accuracy. So the fair mark to compare a reader with is not always the larger group; it is what somebody would guess
# who knows the *label* and nothing else.

# %% tags=["hide-input"]
by_label = sum(
    max(int(((label[test] == a) & (group[test] == b)).sum()) for b in (0, 1)) for a in (0, 1)
) / int(test.sum())
assert by_label >= share - 1e-12  # knowing the label cannot hurt
say(
    "Of the {n} test people of this run, {via:.0%} have the group that their label suggests, and {share:.0%} belong to the larger group. The fresh reader of the "
    "LF model's perturbed codes finds {fresh:.0%}.",
    n=int(test.sum()),
    via=by_label,
    share=share,
    fresh=read["lf", "mlp-faap"].value,
)

# %% [markdown]
# The paper shows the same by eye with {term}`t-SNE` {cite}`vandermaaten2008tsne`. A picture of neighbours is not a measurement; the probe accuracies
# above are its quantitative half. Perturbed codes of photographs are not in the record, so the map shows drawn faces only.

# %%
rows = torch.from_numpy(np.flatnonzero(test)[:400])
codes = {
    title: study.see(patient, people.x[rows], by)[0].cpu().numpy()
    for title, by in (("plain", None), ("with FAAP", generator))
}
maps = {
    title: TSNE(perplexity=30, random_state=seed, init="pca").fit_transform(z)
    for title, z in codes.items()
}


def same(where, which):
    """Return the share of the ten nearest neighbours on the map who are of the same kind."""
    near = NearestNeighbors(n_neighbors=11).fit(where).kneighbors(where)[1][:, 1:]
    return float((which[near] == which[:, None]).mean())


groups = {title: same(where, group[rows]) for title, where in maps.items()}
targets = {title: same(where, label[rows]) for title, where in maps.items()}

# %% [markdown]
# To read such a map without trusting the eye, we count: of the ten nearest neighbours of a point, how many are of its own group?

# %% tags=["hide-input"]
show(
    drawings.codes(maps, label[rows], group[rows], (target, "Male")),
    name="codes",
    caption=f"t-SNE (perplexity 30) of the codes of the LF model of {target}, seed 0, for n = "
    f"{len(rows)} test people.",
    alt="Two clouds of points in two colours and two marks. Before FAAP the colours fill different "
    "sides; after it they are more mixed.",
)
by_chance = share**2 + (1 - share) ** 2  # two people at random are of one group
expect(
    by_chance + 0.03 < groups["with FAAP"] < groups["plain"],
    "the groups are more mixed on the map after FAAP, and less than by chance",
    "here the groups are not more mixed on the map after FAAP, or as mixed as by chance",
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
# The paper's figure 4 shows {term}`Grad-CAM` {cite}`selvaraju2017gradcam` on images that were misclassified and are right
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
shown_rows = np.flatnonzero(crowd.images.split == "test")[:2]
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
    caption="Grad-CAM of the predicted class on two drawn faces, not selected; bright is hot, and the white frame is "
    f"the mouth box. LF model of {target}, seed 0.",
    alt="Two rows of two faces under heat maps. The maps differ between the rows without a clear "
    "move to the mouth.",
)

# %% [markdown]
# Two faces prove nothing in either direction. The table has the share of heat in the mouth box for all images that were looked at, on drawn faces and on
# photographs of Smiling, where the mouth is the right place to look.

# %% tags=["hide-input"]
looked = [
    {
        "images": what + ("" if mark == "" else ": change with FAAP"),
        "this run": str(record.estimate(f"cam.{name}.mouth{mark}"))
        if f"cam.{name}.mouth{mark}" in record
        else "–",
        "photographs": str(real.estimate(f"cam.{name}.mouth{mark}")),
    }
    for name, what in (("selected", "images that FAAP corrects"), ("random", "random images"))
    for mark in ("", "-change")
]
expect(
    all(
        source.estimate(f"cam.{name}.mouth-change").low < 0.005
        for source in (record, real)
        for name in ("selected", "random")
        if f"cam.{name}.mouth-change" in source
    ),
    "the heat does not clearly move to the mouth",
    "here some heat moves to the mouth",
    only="laptop",
)
tables.table(
    pd.DataFrame(looked),
    caption="Share of heat in the mouth box: on plain images, and its change with FAAP; 95 % bootstrap intervals over people.",
)

# %% [markdown]
# The change would be above zero if the model now looked at the mouth. Neither on the images that FAAP corrects nor on random
# ones does an interval say so, on either kind of people. That is no proof of the contrary: the verdict on this message is *inconclusive*.

# %% [markdown]
# ## The same person, drawn twice
#
# A gap compares groups. Drawn faces allow a harder question about individuals: change
# only the drawn sex of a person. Does the decision change?

# %%
if data == "synthetic":
    record.keep(study.side.flips(people, twins.images.x, cfg))
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
# For the two LF models of this run, FAAP makes decisions depend less on the drawn sex of *this*
# person, too, though it was trained for groups. For the normal ones it does not: the gap between the groups closes in part,
# and about as many people as before would be decided differently had they been drawn as the other sex. A
# smaller gap between groups is not fairness to individuals. (With two trainings the verdict on either stays open; the table in the appendix says so.)
#
# No photograph can be redrawn like this, which is why this section has no second panel.

# %% [markdown]
# Where does the bias come from in the first place? Draw another world, in which the target is
# independent of the drawn sex, train a normal model there, and let it decide about the people of ours.

# %%
if data == "synthetic" and not cfg.brief:
    free = faces.Dial(target=target, sensitive="Male", p=(0.5, 0.5))
    other = faces.sample(cfg.faces, seed + 1, cfg.size, free, device=device)
    record.keep(study.side.dialled(people, other.images, cfg))
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
    swept = study.side.sweep(people, cfg)
    show(
        drawings.sweeps(swept),
        name="sweeps",
        caption=f"One setting at a time, LF model of {target}, seed 0, n = {n_test} test people; "
        "bars are 95 % bootstrap intervals over people.",
        alt="Two panels, epsilon and beta, with DEO and accuracy at three settings each and a bar for every DEO.",
    )
    swing = swept.groupby("parameter")[["deo", "acc"]].agg(np.ptp)
    if {"beta", "epsilon"} <= set(swing.index):
        steps_ = {k: part.sort_values("value") for k, part in swept.groupby("parameter")}
        say(
            "Over the settings shown DEO moves by {eps:.3f} with ε and by {beta:.3f} with β, accuracy by {acc:.3f} at most.",
            eps=swing["deo"]["epsilon"],
            beta=swing["deo"]["beta"],
            acc=swing["acc"].max(),
        )
        words_ = {True: "overlap", False: "do not all overlap"}
        rises = bool((np.diff(steps_["beta"]["deo"]) > 0).all())
        say(
            "The larger move is that with {first}. DEO {rises} with the weight of the labels' loss, β; the intervals of the "
            "three settings {eps} for ε and {beta} for β.",
            first=max(("β", "ε"), key=lambda k: swing["deo"]["beta" if k == "β" else "epsilon"]),
            rises="rises at every step" if rises else "does not rise at every step",
            **{
                k: words_[bool(steps_[name]["low"].max() < steps_[name]["high"].min())]
                for k, name in (("eps", "epsilon"), ("beta", "beta"))
            },
        )

# %% [markdown]
# Compare the panel of β with the slider of the toy: the weight that keeps the labels is the weight that keeps the gap. And here each bound was
# trained anew, unlike in the slider of ε. The record on photographs holds no sweep.

# %% [markdown]
# Two more models answer a question about the paper's *patients*. An RG model whose adversary reads
# the code, as the text suggests, and an LF model with uniform flips.

# %%
if not cfg.brief:
    record.keep(study.side.obvious(people, cfg))
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

# %% tags=["hide-input"]
if data == "real" and not cfg.brief:
    record.keep(study.side.other_fair(people, cells["Smiling"], cfg))
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

# %% [markdown]
# The second row is the honest rival of the third: it has had as many epochs and no adversary. What the adversary did beyond that is told by the two gaps
# and the seeds.

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
# that we chose first made its six models *more* unfair than the normal ones by DEO, with as many epochs; why, we do not know, and with other trainings
# counted it is *unclear* whether it would again. And an RG adversary
# can run away: in the worst seed the model has nearly stopped finding smiling men.

# %% [markdown]
# ## A model behind an interface
#
# When FAAP is used, nothing of the game is left but the generator. It stands in front of the model like a filter in front of a lens.

# %% tags=["hide-input"]
show(
    mechanisms.deployment(),
    name="deployment",
    caption="Above: what training needs. Below: what is left when the model is used.",
    alt="Above, images with labels and groups feed the game of G and D, which looks into the codes of the frozen model. An arrow carries the "
    "trained G down. Below, a new image goes through the fixed G to the same frozen model, which decides.",
)

# %% [markdown]
# Compare the two rows. Above, somebody needs labels, groups, and gradients through the model. Below, nobody does: neither a label nor a group goes in. But G was
# made for *this* model. What if one may not look inside?

# %% [markdown]
# The paper sends perturbed images to two commercial services. We may not send faces to anybody, and the services of
# 2022 are gone. Two stand-ins play their part: other architectures, trained on other images, behind an interface that takes 8-bit
# files, compresses them as JPEG, and returns a label: yes or no (A), or one of three levels (B). G is trained on two
# {term}`surrogates <surrogate>`, the normal and the fair model, and never sees an answer ({term}`black box`, {term}`transfer`).
#
# Be warned that this is an *easier* target than a commercial system: the stand-ins were trained on images of the same source.
# Even so, on drawn faces nothing transfers: what G learned against two ResNets does not move either box by more than chance. A
# generator that may look inside A closes about half of its gap; looking inside B does not help.

# %%
runs = (
    [study.transfer.run_transfer(people, target, cfg.seeds(target)[0], cfg)]
    if not cfg.brief
    else []
)
VERSIONS = ("plain", "noise", "single", "transfer", "white-box")
asked_there = {
    (box_, version): real.estimate(f"transfer.{box_}.{version}.deo")
    for box_ in "ab"
    for version in VERSIONS
}
panels = {"photographs": asked_there}
if runs:
    record.keep(study.transfer.measures(people, runs))
    asked = {
        (box_, version): record.estimate(f"transfer.{box_}.{version}.deo")
        for box_ in "ab"
        for version in VERSIONS
    }
    panels = {"this run": asked} | panels
    inside = {b_: asked[b_, "white-box"].value - asked[b_, "plain"].value for b_ in "ab"}
    share_a = -inside["a"] / (asked["a", "plain"].value or np.nan)
show(
    drawings.boxes(panels),
    name="boxes",
    caption="DEO of two black boxes, one training each; bars are 95 % bootstrap intervals over test people.",
    alt="Panels with five intervals each. On drawn faces only the white-box perturbation of A "
    "lowers its DEO clearly. On photographs all intervals overlap.",
)

# %% tags=["hide-input"]
if runs:
    expect(
        all(
            record.estimate(f"transfer.{box_}.deo-change").low
            < 0
            < record.estimate(f"transfer.{box_}.deo-change").high
            for box_ in "ab"
        )
        and 0.3 < share_a < 0.7
        and inside["b"] > -0.06
        and all(
            asked[box_, how].low < asked[box_, "plain"].high
            and asked[box_, how].high > asked[box_, "plain"].low
            for box_ in "ab"
            for how in ("noise", "single", "transfer")
        ),
        "nothing transfers, and a generator that looks inside closes about half of the gap of A and none of B's",
        "here a sentence about the boxes does not hold: the figure shows what does",
        only="laptop",
    )
    say(
        "As a share of its gap, the white-box generator moves A by {a:+.0%} and B by {b:+.0%}.",
        a=-share_a,
        b=inside["b"] / (asked["b", "plain"].value or np.nan),
    )
expect(
    all(
        asked_there[b_, v].low < asked_there[b_, "plain"].high
        and asked_there[b_, v].high > asked_there[b_, "plain"].low
        for b_, v in asked_there
    ),
    "on photographs every interval overlaps with that of the plain images",
    "in the record on photographs an interval lies apart from that of the plain images",
)

# %% [markdown]
# On photographs the boxes had little gap to begin with, so even the generator that looks inside has nothing clear to show. One training of
# each decides nothing; the verdicts on transfer are *inconclusive*.

# %% [markdown]
# ## On your own model
#
# Any torch classifier that maps images in [0, 1] to logits will do. Name the layer whose output
# counts as the code; nothing in the model changes. The trained generator is a pre-processor that
# needs neither labels nor groups, and exports to TorchScript.

# %%
tool = faap.FAAP(patient, split="g", config=cfg.generator(target, epochs=0.2), random_state=seed)
few = torch.from_numpy(np.flatnonzero(people.split == "train")[:512])
tool.fit(people.x[few], label[few], s=group[few])
print(tool.transform(sample).shape, tool.predict(sample).tolist())

# %% [markdown]
# `transform` gives images, `predict` the frozen model's decisions about them. A fifth of a pass over a few people makes no fair model; it shows
# the calls. An honest use keeps validation people aside, chooses ε and β on them, and then does what this chapter does: noise of the same size, thresholds, and a fresh reader.

# %% [markdown]
# ## Results against the paper
#
# All cells of the paper's tables are {term}`claims <claim>`, written before the runs. Ours have smaller images, fewer of them and a
# narrower network, so each claims a *direction* only: the paper's number stands beside ours, and the {term}`verdict` is about a difference
# whose sign the paper predicts. The numbers come from the committed record on photographs.

# %% [markdown]
# The picture at the top has shown the two tables as arrows. A verdict asks for more than a picture: other people *and* another training, with every test of this paper counted
# ({term}`false discovery rate`). So an arrow may be long for these trained models, and its verdict may still be *{term}`inconclusive`*.

# %% tags=["hide-input"]
judged = {v.id: v for v in of_chapter(record)}
rows_ = []
for first, title in {**drawings.TARGETS, "lfw.smiling": "LFW, happy"}.items():
    for k in drawings.KINDS:
        of_k = f"{first}.{k}"
        rows_.append(
            {
                "target": title,
                "model": drawings.SHORT[k],
                "the paper": f"{published[f'table1.{of_k}.deo']:.3f} → {published[f'table1.{of_k}-faap.deo']:.3f}",
                "ours": f"{real.estimate(f'{of_k}.deo').value:.3f} → {real.estimate(f'{of_k}-faap.deo').value:.3f}",
                "change, interval over people": str(real.estimate(f"{of_k}-faap.deo-change")),
                "verdict": judged[f"table1.{of_k}-faap.deo"].verdict,
            }
        )
tables.table(
    pd.DataFrame(rows_), caption="DEO without → with FAAP, in the shape of the paper's table 1."
)

# %% tags=["hide-input"]
held = [f"{r_['model']} of {r_['target']}" for r_ in rows_ if r_["verdict"] == "trend reproduced"]
order = {
    f"{drawings.SHORT[k]} of {title}": judged[f"c1.{k}.{first.removeprefix('celeba.')}"].verdict
    for first, title in drawings.TARGETS.items()
    for k in ("lf", "rg", "fair")
}
ordered = [who_ for who_, word in order.items() if word == "trend reproduced"]
say(
    "With other trainings counted, {n} of these {total} changes of DEO hold as a trend ({names}). Of the {comparisons} comparisons of an "
    "unfair or fair model with the normal one, {m} hold ({those}). The others are open: with two trainings, or one, the spread "
    "between trainings is hardly known.",
    n=len(held),
    total=len(rows_),
    names=", ".join(held) or "none",
    comparisons=len(order),
    m=len(ordered),
    those=", ".join(ordered) or "none",
)
expect(
    not any(v.verdict == "not reproduced" for k, v in judged.items() if k.endswith("faap.deo"))
    and {judged[f"c3.{t.lower()}"].verdict for t in drawings.TARGETS.values()} == {"unclear"}
    and {judged[k].verdict for k in ("c6.lf", "c1.fair.smiling-logit")} == {"unclear"}
    and {judged[k].verdict for k in ("cam.mouth", "c7.a", "c7.b")} == {"inconclusive"}
    and {r_["verdict"] for r_ in rows_ if "LFW" in r_["target"]} == {"inconclusive"}
    and judged["c5.hidden.smiling"].verdict == "trend reproduced",
    "no change of DEO goes the other way, and the words below are the judge's",
    "here a verdict is another than the text says",
    only="laptop",
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
# **What these trained models show**, with intervals over test people. FAAP closes the wide gaps of normal and unfair models on every target, at a
# price of up to four points of accuracy, and beats noise, mixing and a moved threshold there. The models that were made unfair gain more than
# the normal one. LFW, with happiness in the place of a smile, points the same way, but the gain of its RG model is not clearly larger than that of the normal one.
#
# **What another training may change.** Everything in that paragraph, except the changes that the sentence above counts. Whether the gain is largest for unfair models is *unclear* by the
# judge for all three targets, and LFW has one training, so nothing is decided there.

# %% [markdown]
# **What we did not find.** Where the gap is small to begin with (Smiling, normal), a test set of this size
# cannot show an effect. The order LF > normal > fair has intervals over people that exclude 0 for Attractive and Blond_Hair.
# For Smiling it has them for DP; for DEO the fair model is below the normal one in the mean and in most seeds, but the interval includes 0.
#
# **Whose work it is.** A generator
# trained for the target alone closes much of the LF model's gap of Smiling as well, and whether FAAP closes more is *unclear*. Part of the repair, then, is plain
# re-classification: the generator's half has clean labels, and they undo what the flipped ones did.

# %% tags=["hide-input"]
if target in cfg.only_t:
    whole = measured.panel.deo(measured.decisions("lf"))[:, 0].mean()
    closed_by = {
        name: 1 - float(measured.panel.deo(measured.decisions("lf", name))[:, 0].mean() / whole)
        for name in ("only-t", "faap")
    }
    adds = closed_by["only-t"] < closed_by["faap"] - 0.1
    say(
        "On the drawn faces of this run the label's loss alone closes {alone:.0%} of the LF model's gap, and FAAP {faap:.0%}: {word} "
        "On photographs of Smiling it is {there:.0%} and {faap_there:.0%}, and there we cannot tell.",
        alone=closed_by["only-t"],
        faap=closed_by["faap"],
        word="the game adds something that labels alone do not give."
        if adds
        else "the game adds little to what labels alone give.",
        there=1 - of_lf["-only-t"] / of_lf[""],
        faap_there=1 - of_lf["-faap"] / of_lf[""],
    )

# %% [markdown]
# Grad-CAM does not move to the mouth as far as we can see, and what transfers to our black boxes cannot be told from nothing. And "the discriminator is at chance" is not "the group is gone":
# on CelebA the fresh probe is better than the base rate for every model and target that we trained.

# %% [markdown]
# **The history of the fair model.** A first one had a weak adversary on the logit, chosen on validation images with one seed, and
# turned out *less* fair than the normal one on the test people. The present one was made after we knew this. Its weight was
# chosen on validation images among 5, 10, 15, 20, 30 and 100, with seeds that are not reported: six for the weight that won, one to five for the
# others. Below 10 DEO did not fall, from 30 on the models lost points of accuracy or collapsed. We tried as well, on validation images, and dropped: counting men four or ten times in the
# labels' loss, weights under which sex says nothing about smiling, and an adversary on images that the labels' loss never sees.

# %% [markdown]
# ## What we did differently
#
# | what | theirs | ours | why |
# |---|---|---|---|
# | images | 224 pixels, all of CelebA | 64 pixels (synthetic: 48), at most 10,000 per half (synthetic: 2,100) | two cores |
# | network | ResNet-18, 30 epochs | the same blocks, a quarter of the width (synthetic: less than a fifth), 5 epochs, 6 for the fair model of Smiling (synthetic: 12, LFW: 7) | two cores |
# | training of the patients | Adam, rate .0005, batches of 64 | Adam, rate .001 with a cosine, batches of 64 | fewer epochs |
# | stages | each model from scratch | kinds share the first epochs of a seed | half the time |
# | LF | rate and rule not stated | 30 % of two cells, against one group | uniform flips add no bias |
# | RG, fair | adversary not stated | RG: linear on the logit. Fair: on logit and label, for Smiling soft decision and label, for Blond_Hair the code; weights chosen on validation with seeds that are not reported | see the text |
# | G, D, α, β | not stated | AdvGAN-like, MLP, .1, .5 or 1 (chosen in the same way) | the fact that they are missing |
# | training of G and D | not stated | Adam, rate .001 for both, first decay .5, G's rate falls to zero; 2 epochs (synthetic and LFW: 5) | two cores |
# | bound | clip | tanh | the clip has no gradient where it bites |
# | what G sees | not stated | instance norm after its first layer hides uniform colour from it | as in AdvGAN |
# | runs | one, it seems | six trainings of Smiling, two of the others, one of LFW | intervals |
# | Blond_Hair | test images | validation and test pooled | 44 blond men in the test images |
# | LFW | 73 attributes, three targets | gender and "happiness" only; FAAP learns from the validation part | the attributes are a separate file |

# %% [markdown]
# Public code by others has pitfalls that are easy to repeat. One widely used study computes the codes that G's
# loss needs without gradients, so G never learns, and clamps *normalised* images to [0, 1], which
# erases every pixel darker than the mean. Its numbers for FAAP say nothing about FAAP. An exercise below makes the first mistake on purpose.

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
# ## Check yourself
#
# Five questions. Choose an answer, then unfold ours.

# %% tags=["hide-input"]
quiz(
    [
        Check(
            "Which networks change while FAAP is trained?",
            ["the deployed model and G", "G and D", "G alone"],
            right=1,
            why="Both players learn. The deployed model is frozen; gradients pass through it, and no tensor of it moves.",
        ),
        Check(
            "After FAAP a model has the same accuracy for D as guessing. What follows?",
            ["the group is gone from the codes", "this D cannot read it", "the decisions are fair"],
            right=1,
            why="A reader that is trained afterwards may still find the group, and on photographs ours does.",
        ),
        Check(
            "Why is there an entropy in the loss of G?",
            ["it bounds the change", "it keeps the labels", "without it G may swap the groups"],
            right=2,
            why="A D that is always wrong is as good as one that is always right: turn its answers around. The size is the business of the bound.",
        ),
        Check(
            "A perturbation closes a gap. Noise of the same size closes half of it. What does FAAP get credit for?",
            ["all of it", "the other half, at most", "nothing"],
            right=1,
            why="What costs nothing belongs to nobody. Thresholds and the mixing line have to be beaten in the same way.",
        ),
        Check(
            "An interval over test people excludes zero, and the verdict is inconclusive. How can that be?",
            ["by a mistake", "another training may show another effect", "the test set is small"],
            right=1,
            why="People and trainings both vary. Two trainings hardly tell how much, and the verdict counts both.",
        ),
    ],
    name="faap",
)

# %% [markdown]
# If the last one surprised you, read {doc}`how we judge <../book/judgement>` before you go on; it is the rule behind every word in this chapter.

# %% [markdown]
# ## Exercises
#
# Six, at three levels: check, code, research. Each has a solution below it, which was run and says its answer. Try first.

# %% [markdown]
# :::{exercise} check
# :label: faap-exercise-1
#
# A model has TPRs of .9 and .7 and FPRs of .2 and .1. What are its DEO, the mean and the maximum of the
# gaps, and the average odds difference?
# :::

# %% [markdown]
# :::{solution-start} faap-exercise-1
# :::

# %% tags=["hide-cell"]
tpr, fpr = 0.9 - 0.7, 0.2 - 0.1
assert abs((tpr + fpr) / 2 - 0.15) < 1e-12  # the signs agree, so the average cancels nothing
say(
    "The sum, which is the paper's DEO, is {total:.2f}; the mean is {mean:.2f} and the maximum {most:.2f}. The average odds difference is {mean:.2f}, too: "
    "here both gaps have the same sign, so nothing cancels.",
    total=tpr + fpr,
    mean=(tpr + fpr) / 2,
    most=max(tpr, fpr),
)

# %% [markdown]
# :::{solution-end}
# :::

# %% [markdown]
# :::{exercise} check
# :label: faap-exercise-2
#
# Why is a bias in a convolution before instance norm useless? Show that G has none.
# :::

# %% [markdown]
# :::{solution-start} faap-exercise-2
# :::

# %% tags=["hide-cell"]
convolutions = [m for m in generator.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
with_bias = sum(m.bias is not None for m in convolutions)
assert with_bias == 1 and convolutions[-1].bias is not None
say(
    "The norm subtracts the mean of each channel, and a bias with it: it would have no effect and never get a gradient. {n} of {total} "
    "convolutions has one, the last, which no norm follows.",
    n=with_bias,
    total=len(convolutions),
)

# %% [markdown]
# :::{solution-end}
# :::

# %% [markdown]
# :::{exercise} code
# :label: faap-exercise-3
#
# How much of the effect survives if perturbed images are rounded to 8 bits and compressed?
# :::

# %% [markdown]
# :::{solution-start} faap-exercise-3
# :::

# %% tags=["hide-cell"]
rows = torch.from_numpy(np.flatnonzero(test))
x_test = people.x[rows]
with torch.no_grad():
    sent = study.transfer.to_uint8(faap.perturb(generator, x_test))


def deo_on(x_, change_=None):
    """Return the LF model's DEO on images of the test people, changed first where asked."""
    return float(
        equalized_odds_gap(label[rows], study.see(patient, x_, change_)[1] > 0, group[rows])
    )


gap_plain, gap_faap = deo_on(x_test), deo_on(x_test, generator)
received = {"bits": sent, "jpeg": study.transfer.jpeg(sent, study.transfer.QUALITY)}
survives = {k: (gap_plain - deo_on(x_)) / (gap_plain - gap_faap) for k, x_ in received.items()}
say(
    "Rounding keeps {bits:.0%} of the effect. JPEG keeps {jpeg:.0%}: a perturbation that has to travel should be trained through the compression.",
    **survives,
)
expect(
    abs(survives["bits"] - 1) < 0.05 and survives["jpeg"] < 0.8,
    "rounding costs nothing and JPEG a good part of the effect",
    "here rounding costs something, or JPEG little",
    only="laptop",
)

# %% [markdown]
# :::{solution-end}
# :::

# %% [markdown]
# :::{exercise} code
# :label: faap-exercise-4
#
# Train a fresh reader of the toy's codes: a logistic regression on perturbed training images, asked about perturbed test images. Is the group gone there?
# :::

# %% [markdown]
# :::{solution-start} faap-exercise-4
# :::

# %% tags=["hide-cell"]
from sklearn.linear_model import LogisticRegression


def fresh_reader(generator_):
    """Return how often a reader that comes later is right about the group of the toy's test people."""
    learn, ask = (
        toy_model.g(faap.perturb(generator_, x_)).numpy() for x_ in (train_set[0], test_set[0])
    )
    return float(LogisticRegression().fit(learn, train_set[2]).score(ask, test_set[2]))


found_by = fresh_reader(mine)
coin = float(torch.stack([test_set[2], 1 - test_set[2]]).float().mean(1).max())
via_label = float((test_set[1] == test_set[2]).float().mean())
say(
    "The fresh reader is right about {found:.1%} of the toy's people, and guessing would give {coin:.1%}. Knowing the label alone would give {via:.1%}. {word}",
    found=found_by,
    via=via_label,
    coin=coin,
    word="To a linear reader the group is gone."
    if found_by < coin + 0.03
    else "The group is not gone, but a code that serves the label must leave about so much of it."
    if found_by < via_label + 0.03
    else "The group is not gone, and more is left of it than the label explains.",
)

# %% [markdown]
# :::{solution-end}
# :::

# %% [markdown]
# :::{exercise} break it
# :label: faap-exercise-5
#
# Make the mistake of the public study: compute the codes for the loss of G without gradients. Change one line, of the loop or of the model, and find the assertion that
# catches it.
# :::

# %% [markdown]
# :::{solution-start} faap-exercise-5
# :::


# %% tags=["hide-cell"]
class Numb(Deployed):
    """A deployed model whose codes carry no gradient: the one line that is changed."""

    def __init__(self):
        super().__init__()
        self.g.register_forward_hook(lambda module, given, out: out.detach())


broken = play(Numb(), *train_set, toy_config, seed)
first_g = faap.Pair([2], toy_config, seed).g
untouched = all(map(torch.equal, broken.parameters(), first_g.parameters()))
caught = "nothing"
try:  # the assertion of the section *Point*, again
    difference = (faap.perturb(broken, test_set[0]) - x_hats["package"]).abs().max()
    assert float(difference) < 1e-3 * toy_config.epsilon
except AssertionError:
    caught = "the comparison with the package"
assert untouched and caught != "nothing"
say(
    "The loop runs to its end without a complaint, and G has still its first random weights: DEO is {deo:.3f}, as deployed it was {before:.3f}. "
    "{caught} catches it.",
    deo=point(faap.perturb(broken, test_set[0]))[1],
    before=toy_before[1],
    caught=caught[0].upper() + caught[1:],
)

# %% [markdown]
# :::{solution-end}
# :::

# %% [markdown]
# :::{exercise} research
# :label: faap-exercise-6
#
# Train G against a discriminator that is restarted now and then. Does the fresh reader end lower? `faap.Game` is the place to start. Try it on the toy, then
# think about what you would need to believe it.
# :::

# %% [markdown]
# :::{solution-start} faap-exercise-6
# :::

# %% tags=["hide-cell"]
found_with = {False: [], True: []}
for restarts, turn_seed in ((r_, seed + k) for r_ in (False, True) for k in range(4)):
    game = faap.Game([faap.Split(toy_model)], [2], toy_config, turn_seed)
    first_d = {k: v.clone() for k, v in game.d.state_dict().items()}
    order = torch.randperm(len(train_set[0]), generator=torch_rng(turn_seed, "restarts"))
    for turn in range(60):  # five passes of twelve batches
        if restarts and turn % 15 == 0:
            game.d.load_state_dict(first_d)
        batch = order[turn % 12 * 32 :][:32]
        game.step(*(part[batch] for part in train_set), turn / 60)
    found_with[restarts].append(fresh_reader(game.g.eval()))
say(
    "In {n} trainings of each the fresh reader is right about {low:.0%} to {high:.0%} without restarts and {low_with:.0%} to {high_with:.0%} with them. So much do single "
    "trainings differ, on a toy: to believe a difference one would need more of them, a reader of another kind, and the accuracy and DEO that go with it.",
    n=len(found_with[True]),
    low=min(found_with[False]),
    high=max(found_with[False]),
    low_with=min(found_with[True]),
    high_with=max(found_with[True]),
)

# %% [markdown]
# :::{solution-end}
# :::

# %% [markdown]
# ## What we learned
#
# The box from the top, now that its words have been earned.

# %% tags=["hide-input"]
learned(
    "faap",
    points=[
        "A frozen model can be repaired from outside: its codes move, its borders do not.",
        "Two losses with opposite signs make the game; an entropy keeps it from renaming the groups, and the weight of the labels decides how much gap is left.",
        "Where labels are clean, much of the repair may be the labels' own work. Train a generator without a discriminator before you credit the game.",
        "A discriminator at chance is a statement about one discriminator. Ask a fresh reader, and compare it with what the label alone gives away.",
        "A gap that closes for two trained models is not yet a gap that closes: {held} of {tested} changes of DEO hold when another training is counted.",
    ],
    answer=found,
    held=len(held),
    tested=len(rows_),
    **known_values,
)

# %% [markdown]
# The next chapter, {doc}`DVGE <03_dvge>`, moves codes as well, by another network and with another aim. {doc}`Fairness Reprogramming <04_reprogramming_vision>`
# asks what is left of the idea when the perturbation must be the same for everybody.

# %% [markdown]
# ## Appendix: verdicts and record
#
# What the judge says about the messages of the paper and about questions of ours; the answers about controls stand above. The cells of accuracy, DP and DEO stand on the
# {doc}`scoreboard <../book/scoreboard>`.

# %% tags=["hide-cell"]
listed = [
    v
    for v in of_chapter(
        record, "c1", "c2", "c3", "c4", "c5", "c6", "c7", "cam", "probe.", "floor.", "faces."
    )
    if v.repeats is None
]
tables.table(
    pd.DataFrame(
        [
            {
                "message or question": v.says,
                "ours": "{} [{}, {}]".format(
                    *(number(v.values[k]) for k in ("ours", "low", "high"))
                )
                if v.values.get("low") is not None and v.values.get("ours") is not None
                else "–",
                "verdict": v.verdict,
            }
            for v in listed
        ]
    ),
    caption="The messages C1 to C7, Grad-CAM, fresh probes and drawn faces; 95 % intervals over people and trainings. What repeats a cell of table 1 is left out.",
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

# %% [markdown]
# Last of all, the run is written down, so that the pages of the book can read it.

# %%
path = record.save(results_dir)
print(f"{len(record.measurements)} measurements in {path}")

# %% [markdown]
# ## Sources
#
# The method and its numbers: {cite}`wang2022faap`. Generator: after {cite}`xiao2018advgan`. Adversarial training: {cite}`zhang2018`, with the ramp of
# {cite}`ganin2016dann`. Data: {cite}`liu2015`, {cite}`huang2007`. All wording, drawings and code here are ours.
