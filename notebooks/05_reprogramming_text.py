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
# # Fairness Reprogramming in text: five extra words
#
# [Open this chapter in Colab](https://colab.research.google.com/github/fairtut/fairtut/blob/main/notebooks/05_reprogramming_text.ipynb)
# (a laptop takes less than ten minutes).
#
# **Content warning.** This chapter is about classifiers of toxic comments. No real comment is shown on this page, and
# invented ones say `[insult]` where a real one would insult. With `data="real"` offensive comments are read, counted, and never printed.
#
# A filter for toxic comments is deployed. It flags harmless comments that mention one religion more often than those that mention another, and nobody
# may touch its weights. Zhang and colleagues proposed in 2022 {cite}`zhang2022fairreprogram` to leave the filter alone and to append the *same few words* to every
# comment, words that were learned so that the filter gets fairer. They call it *fairness reprogramming*.
#
# [Chapter 4](04_reprogramming_vision) does it with a frame around pictures. Here the trigger is five words, groups overlap, and words can be read.
# **Do five words make a filter fairer, and do they do more than move its threshold?**

# %% [markdown]
# The next cells prepare the page: install the package where there is none, say what to run, and open the record that every number goes into.

# %% tags=["hide-input"]
import subprocess
import sys

if "google.colab" in sys.modules:  # elsewhere the package is already there
    source = "fairtut[peers] @ git+https://github.com/fairtut/fairtut"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", source], check=True)

# %% [markdown]
# Change these four and run everything again. `smoke` takes a minute and shows every step at a size at which little can be told.

# %% tags=["parameters", "hide-input"]
preset = "laptop"  # "smoke": a minute in CI; "laptop": these pages; "paper": one GPU
data = "synthetic"  # or "real": Measuring Hate Speech, at "paper" Civil Comments
seed = 0
results_dir = "results"

# %% tags=["hide-input"]
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from fairtut.chapters import reprogramming_text as study
from fairtut.chapters.reprogramming_text import drawings, mechanisms
from fairtut.chapters.reprogramming_text.opening import CHAPTER
from fairtut.data.comments import encode_with
from fairtut.data.synthetic.comments import AMBIGUITY, CUES, WORDS
from fairtut.errors import MissingData
from fairtut.methods.reprogramming import Config, Discriminator, projected, train_words
from fairtut.methods.reprogramming.keeping import load_words, save_words
from fairtut.methods.reprogramming.text import TextGame, text_logits
from fairtut.methods.reprogramming.words import WordTrigger, on_simplex, with_room
from fairtut.metrics import Estimate
from fairtut.models.text import load_pretrained
from fairtut.page import controls, plots, tables
from fairtut.page.box import box, learned
from fairtut.page.effects import Effects
from fairtut.page.figures import show
from fairtut.page.prose import say
from fairtut.page.quiz import Check, quiz
from fairtut.page.results import committed, load_claims, of_chapter
from fairtut.page.slider import curves
from fairtut.page.source import source_of
from fairtut.page.words import Word, highlight
from fairtut.runtime.seeds import torch_rng

(preset, data, seed, results_dir), cfg, record, device = CHAPTER.open(
    preset, data, seed, results_dir
)
real = data == "real"
plots.use_style()
expect = Effects(preset, data, seed)  # asserts what the text says of the committed run

# %% [markdown]
# First the answer. It is read from the committed record on real comments, whatever is run here on invented ones; the assertion at the end fails if the record says something else than the sentences.

# %% tags=["hide-input"]
on_real = committed("reprogramming_text")
judged = {v.id.removesuffix(".real"): v for v in of_chapter(on_real, "control.", suffix=".real")}
learned_words = {m: on_real.estimate(f"chosen.dp.{m}.change") for m in study.TRIGGERS}
free_lunch = [
    judged[f"control.front.{c}.{m}.vs-{control}"]
    for c in study.CRITERIA
    for m in study.TRIGGERS
    for control in ("threshold", "mixing")
]
rivals = {m: judged[f"control.front.dp.{m}.vs-random"] for m in study.TRIGGERS}
in_short = (
    "On real comments we cannot show that they do: the hard trigger that our rule picks changes a bias of {base:.3f} (demographic parity) by "
    "{hard:z.3f}, the soft one by {soft:z.3f} (intervals over comments). And they do not do more than move the threshold: the fronts of both triggers are worth less "
    "than a moved threshold and less than tossing coins, in both criteria."
)
known_values = {
    "base": on_real.estimate("base.dp").value,
    "hard": learned_words["hard"],
    "soft": learned_words["soft"],
}
untaught = judged["control.random.dp.change"]
random_words = {
    "count": on_real.config["count"],
    "random": Estimate(
        *(untaught.values[k] for k in ("ours", "low", "high", "trainings")), 0.95, "trainings"
    ),
    "trainings": untaught.values["trainings"],
    "lowers": untaught,
}
expect(
    not any(e.excludes(0) for e in learned_words.values())
    and all(v.verdict == "no" and v.values["high"] < 0 for v in free_lunch)
    and not any(v.holds for v in (untaught, *rivals.values())),
    "the box says what the committed record on real comments says",
    "the record on real comments says something else than the box",
)

# %% tags=["hide-input"]
box(
    "reprogramming_text",
    objectives=[
        "write a trigger word as a point of a simplex, and bring it back there after a step",
        "tell a soft trigger from a hard one, and say which of them is a text",
        "measure bias where groups overlap, and say why a sum and a mean differ",
        "name the controls that learned words have to beat",
    ],
    prerequisites=[
        "how a classifier is trained by gradient descent",
        "what a word embedding is",
        "the idea of an adversary, as in chapter one",
    ],
    worked="Nothing that we can show. {count} random words, which nobody trained, change the bias by {random:z.3f} over {trainings} trainings; that they lower it "
    "is *{lowers}*. That the front of a trigger is worth more than such words is *{soft_rival}* for the soft one and *{hard_rival}* for the hard one.",
    answer=in_short,
    **{f"{m}_rival": verdict for m, verdict in rivals.items()},
    **random_words,
    **known_values,
)

# %% [markdown]
# The numbers in the box come from the committed {term}`record` on real comments, and the words beside the {term}`headlines <headline>` are
# verdicts by the rules of {doc}`how we judge <../book/judgement>`. *Inconclusive* is not *wrong*: it says that these trainings and these
# comments cannot tell. The box comes back at the end.

# %% [markdown]
# ## The claim in one picture
#
# The paper tunes triggers for BERT on Civil Comments {cite}`borkan2019,devlin2019bert`. It compares them with *AdvIn*, which trains all weights against an adversary on the whole
# training set, and *AdvPost*, which does so afterwards on the little that the trigger gets. Nothing in this picture is ours, except the two grey lines.

# %% tags=["hide-input"]
claims = {c.id: c.value for c in load_claims("reprogramming_text")}
civil = {
    (c, m): [
        (claims[f"civil.{c}.{m}.{i}.accuracy"], claims[f"civil.{c}.{m}.{i}.bias"])
        for i in range(1, 6)
        if f"civil.{c}.{m}.{i}.bias" in claims
    ]
    for c in study.CRITERIA
    for m in ("base", *study.METHODS)
}
nothing = civil["dp", "advpost"][0][0]
show(
    drawings.published(civil, nothing),
    name="claim",
    caption="The paper's points for Civil Comments, read off its figure: accuracy against bias. "
    "Grey: what calling nothing toxic gives, and mixing BASE with that at random.",
    alt="Two panels. In both, the soft trigger's points lie above the mixing line, and where little "
    "bias is left above those of all others. AdvPost has points near BASE and one point at zero "
    "bias on the grey line.",
)
for c in study.CRITERIA:  # what the picture is said to show
    (top, worst), soft = civil[c, "base"][0], civil[c, "soft"]
    assert all(a > nothing + (top - nothing) * b / worst for a, b in soft)
    others = [p for m in study.METHODS if m != "soft" for p in civil[c, m]]
    assert max(a for a, b in soft if b < 0.4 * worst) > max(a for a, b in others if b < 0.4 * worst)

# %% [markdown]
# Points above the grey line keep more accuracy than a coin between BASE and silence would. What do the numbers say?

# %% tags=["hide-input"]
soft_points, worst = civil["dp", "soft"], civil["dp", "base"][0][1]
assert civil["dp", "advpost"][0][1] == 0
say(
    "The message is in the soft trigger's points: accuracies from {low:.3f} to {high:.3f}, beside {base:.3f} of BASE, with {least:.0%} to "
    "{most:.0%} of BASE's bias (demographic parity). One point of AdvPost has no bias at all and an accuracy of {nothing:.3f}. That is the classifier that calls "
    "*nothing* toxic, and everything on this page is measured against it.",
    low=min(a for a, _ in soft_points),
    high=max(a for a, _ in soft_points),
    least=min(b for _, b in soft_points) / worst,
    most=max(b for _, b in soft_points) / worst,
    base=civil["dp", "base"][0][0],
    nothing=nothing,
)

# %% [markdown]
# ## Notation
#
# | symbol | meaning |
# |---|---|
# | $f$ | the deployed classifier, BASE; frozen |
# | $E$ | its table of word embeddings, one row per word; frozen |
# | $v_i$, $\delta_i = E^\top v_i$ | a point of the probability simplex over the vocabulary, and the trigger word it makes, $i = 1..m$ |
# | $y$, $\hat y$ | 1 if a comment is toxic, or is called toxic: here 1 is the *unfavourable* label |
# | $s \in \{0,1\}^g$ | which groups a comment mentions: none, one or several |
# | $d$, $\lambda$ | the adversary, which reads $s$ from the logits (and $y$); its weight |
#
# ## A word as a point of a simplex
#
# In pictures a trigger is a patch of pixels, and a pixel may be a little brighter. A word may not be a little more *street*: it is that word or another one, and between
# the two lies nothing that an optimiser could walk along. One cannot take the gradient of a word. So each trigger word is a *mixture* of words with weights $v_i$, non-negative and summing to one. The **soft** trigger
# uses the mixture as it is: a vector that no text can spell. The **hard** trigger uses the word with the largest weight, and passes its gradient to the mixture as if nothing had happened.

# %%
source_of(WordTrigger.rows)

# %% [markdown]
# The classifier takes either of them as it takes any words: as rows of embeddings behind the comment.

# %% tags=["hide-input"]
show(
    mechanisms.two_triggers(),
    name="two-triggers",
    caption="Five words behind a comment, soft and hard. A schematic drawing.",
    alt="Five points of the simplex become mixtures of all words in the soft trigger and the largest word in the hard one. "
    "Either is put behind the comment, before SEP, and goes to the frozen filter.",
)

# %% [markdown]
# Both roads end at the same frozen filter. Only the lower one can be typed on a keyboard: a mixture of *welcome* and *street* is a vector
# between two words, and no word has it.
#
# A step of the optimiser leaves the simplex. The nearest point on it is $\max(v - \tau, 0)$ with one $\tau$ for the row, found by sorting {cite}`held1974`.

# %%
source_of(on_simplex)

# %% [markdown]
# A projection leaves alone what is already on the simplex. The next cell tries it on three random rows.

# %%
away = torch.randn(3, 1000, generator=torch.Generator().manual_seed(seed))
back = on_simplex(away)
print("sums", [f"{total:.4f}" for total in back.sum(1)], f"smallest {float(back.min()):.4f}")
assert (back.sum(1) - 1).abs().max() < 1e-5 and back.min() >= 0
assert torch.allclose(on_simplex(back), back, atol=1e-6)  # a projection

# %% [markdown]
# ## Where the words go
#
# After the text, before `[SEP]`, and the classifier still reads its decision at `[CLS]`. The paper says the same. The released code puts the words *before* `[CLS]`, with position
# numbers of the end. Attention cannot tell. But the classifier pools the first row of the tensor, and that is now a trigger word; we measure both.

# %% [markdown]
# Here is a comment as it is written, and with two words that are still as they were drawn at the start.

# %%
tokens = study.corpus.corpus(cfg, real, device)
record.dataset(tokens.name, rows=len(tokens), digest=tokens.digest, source=tokens.source)
trigger = WordTrigger(tokens.tokenizer, 2, mode="hard", generator=torch.Generator().manual_seed(3))
if not real:
    row = tokens.words(0)
    print("as written:  ", " ".join(row))
    names = tokens.tokenizer.decode(trigger.token_ids())
    print("with trigger:", " ".join([*row[:-1], *(f"<{n}>" for n in names), row[-1]]))

# %% [markdown]
# ## One step
#
# The adversary sees a minibatch's logits and updates itself. Then the trigger moves along
#
# $$G = g_y - \langle g_y, u\rangle\, u - \lambda\, g_z, \qquad u = g_z / \lVert g_z \rVert,$$
#
# with $g_y$ and $g_z$ the gradients of the two cross-entropies by the trigger's weights: utility, without the part that would help the adversary, minus $\lambda$ times what helps it {cite}`zhang2018`.

# %% [markdown]
# Read the formula from the left. $g_y$ alone would make the trigger help the label, with whatever means, and one of the means is to say which group the comment mentions.
# $u$ is the direction in which the adversary would be served best. The middle term takes exactly that part out of $g_y$: what is left of the label's wish is at right angles to the adversary's.
# The last term then walks *against* the adversary, and $\lambda$ says how far.
#
# With $\lambda = 0$ the formula still protects: the trigger does not help the adversary, it only does not hurt it either. So $\lambda = 0$ is not the same as no adversary at all, and the difference
# will matter when the released code is read.

# %%
source_of(projected)

# %% [markdown]
# Who learns here, and who does not?

# %% tags=["hide-input"]
show(
    mechanisms.players(),
    name="players",
    caption="Who is frozen and who learns. Solid: what flows forward; dashed: what teaches, the adversary from its own loss and the trigger from the update.",
    alt="The trigger is put behind a comment. The frozen filter makes logits of both. The adversary reads the group from the logits and "
    "has a loss of its own, which teaches it. The losses of label and group are joined in the update, which teaches the trigger.",
)

# %% [markdown]
# The adversary learns from its loss alone. The trigger learns from two gradients, joined by the formula above: that of the label,
# and that of the adversary with a minus. The filter learns from nothing.
#
# A comment may mention several groups. So the adversary has one logit per group, and its loss is the mean of as many binary cross-entropies.

# %%
source_of(TextGame)

# %% [markdown]
# ## The method, written out
#
# Here is all of it on a toy, in plain torch. A toy comment has three words: a cue of the label, and for each of two groups a word that
# names it or a word that says nothing. The filter adds the words up, squashes the sum, and decides. It should look at the first number of
# an embedding, the cue. It looks at the second, the first group, too. It is frozen: nothing below changes its table or its weights.


# %%
class ToyFilter:
    """Adds up embeddings (cue, group 0, group 1), squashes, decides; never trained."""

    table = torch.zeros(9, 3, dtype=torch.float64)  # [PAD] [CLS] [SEP] and six words

    def __init__(self):
        for word, number, value in ((3, 0, 1), (4, 0, -1), (5, 1, 1), (6, 2, 1)):
            self.table[word, number] = value

    def from_words(self, words, mask, order=None):
        code = torch.tanh((words * mask[..., None]).sum(1))
        toxic = code @ torch.tensor([1.0, 1.5, 0.2], dtype=torch.float64) - 0.5
        return torch.stack([-toxic, toxic], 1)


def toy_comments(n, seed):
    """Return ids (n, 5), labels (n,) and groups (n, 2)."""
    chance = torch.rand(4, n, generator=torch_rng(seed, "toy"))
    s = (chance[:2] < 0.5).T
    y = (chance[2] < 0.3 + 0.4 * s[:, 0]).long()
    cue = torch.where((chance[3] < 0.85) == (y == 1), 3, 4)  # right in 85 of 100
    first, second = torch.where(s[:, 0], 5, 7), torch.where(s[:, 1], 6, 8)
    one = torch.ones(n, dtype=torch.long)
    return torch.stack([one, cue, first, second, 2 * one], 1), y, s


# %% [markdown]
# Now the trigger. `forward` puts the words before `[SEP]`: as a mixture, or as the largest word with the mixture's gradient. `nearest`
# is the projection: sort, find how many entries stay positive, subtract one $\tau$.


# %%
def forward(model, v, ids, hard):
    """Return the logits of comments with the trigger v (m, words) behind them."""
    rows = v
    if hard:  # forward the largest word; backward as if it were the mixture
        rows = functional.one_hot(v.argmax(1), v.shape[1]) + (v - v.detach())
    words = model.table[ids]
    trigger = (rows @ model.table[3:]).expand(len(ids), -1, -1)
    both = torch.cat([words[:, :-1], trigger, words[:, -1:]], 1)
    return model.from_words(both, torch.ones(both.shape[:2], dtype=torch.bool))


def nearest(v):
    """Return the nearest point of the simplex, row by row, slowly."""
    out = []
    for row in v:
        big = sorted(row.tolist(), reverse=True)
        taus = [(sum(big[:k]) - 1) / k for k in range(1, len(big) + 1)]
        tau = [t for t, b in zip(taus, big, strict=True) if b > t][-1]
        out.append((row - tau).clamp_min(0))
    return torch.stack(out)


# %% [markdown]
# Now the loop. The adversary $d$ and the trigger take one step for each batch; the weights of the filter are in no optimiser. After
# each step every trigger word is brought back to the simplex.


# %%
def reprogram(model, v, d, batches, hard, lam, lr, lr_d):
    """Train the trigger v against the adversary d; the model stays as it is."""
    v = v.clone().requires_grad_()
    adam, adam_d = torch.optim.Adam([v], lr), torch.optim.Adam(d.parameters(), lr_d)
    for ids, y, s in batches:
        logits = forward(model, v, ids, hard)
        loss_y = functional.cross_entropy(logits, y)
        loss_s = functional.binary_cross_entropy_with_logits(d(logits, y), s.double())
        (g_y,) = torch.autograd.grad(loss_y, v, retain_graph=True)
        g_z, *of_d = torch.autograd.grad(loss_s, [v, *d.parameters()])
        u = g_z / g_z.norm().clamp_min(1e-12)
        v.grad = g_y - (g_y * u).sum() * u - lam * g_z  # the projected update
        for weight, gradient in zip(d.parameters(), of_d, strict=True):
            weight.grad = gradient
        adam_d.step()
        adam.step()
        with torch.no_grad():
            v.copy_(nearest(v))  # back on the simplex
    return v.detach()


# %% [markdown]
# And the package's version on the same comments, soft and hard, from the same start and against the same adversary. Both must arrive at the
# same weights; in double precision only rounding may tell them apart.

# %%
toy_filter, toy_config = ToyFilter(), Config("dp", lam=1.0, hidden=(8,), lr_d=0.01, drops=())
toy_words = SimpleNamespace(ordinary=torch.arange(3, 9), pad=0)
toy_batches = [toy_comments(64, seed + k) for k in range(60)]
toy_test = toy_comments(4000, seed + 1000)


def toy_point(logits):
    """Return accuracy, and the gap between comments with and without the first group."""
    flagged, y, s = logits.argmax(1), toy_test[1], toy_test[2][:, 0]
    gap = flagged[s].double().mean() - flagged[~s].double().mean()
    return float((flagged == y).double().mean()), float(gap.abs())


untouched = toy_filter.table.clone()
no_words = torch.zeros(0, 6, dtype=torch.float64)
accuracy, deployed_gap = toy_point(forward(toy_filter, no_words, toy_test[0], False))
print(f"no words: accuracy {accuracy:.3f}, gap {deployed_gap:.3f}")
for mode in ("soft", "hard"):
    theirs = WordTrigger(toy_words, 2, mode=mode, generator=torch_rng(seed, "start")).double()
    d_theirs = Discriminator("dp", 2, 2, (8,), generator=torch_rng(seed, "d")).double()
    d_mine = Discriminator("dp", 2, 2, (8,), generator=torch_rng(seed, "d")).double()
    mine = reprogram(
        toy_filter, theirs.weight.detach(), d_mine, toy_batches, mode == "hard", 1.0, 0.05, 0.01
    )
    game = TextGame(
        lambda ids, t=theirs: t(toy_filter, ids), theirs, lambda t=theirs: t.weight, d_theirs,
        toy_config, 0.05,
    )  # fmt: skip
    for batch in toy_batches:
        game.step(*batch)
    apart = float((mine - theirs.weight.detach()).abs().max())
    assert apart < 1e-6, apart
    accuracy, toy_gap = toy_point(forward(toy_filter, mine, toy_test[0], mode == "hard"))
    moved = "wider" if toy_gap > deployed_gap else "not wider"
    print(f"{mode}: by hand and package agree; accuracy {accuracy:.3f}, gap {toy_gap:.3f}, {moved}")
assert torch.equal(toy_filter.table, untouched)  # frozen

# %% [markdown]
# The first line printed is the filter as deployed. Read the others as a pair of numbers each: a smaller gap alone is no success, because a
# filter that gives everybody one answer has none. A gap may grow, too, as the last word of a line tells:
# the adversary judges logits, the gap counts decisions. Two words cannot know the comment, on this toy or anywhere.
#
# Compare the lines with the drawing below: the point becomes a word, the word meets the frozen table, the losses pull, and the
# projection brings the point back.

# %% tags=["hide-input"]
show(
    mechanisms.update(),
    name="update",
    caption="One projected update of a hard trigger over the embedding table. Dashed: the gradient, which goes to the mixture.",
    alt="A point becomes its largest word, which the frozen table turns into an embedding for the losses. Their gradient makes a step "
    "off the simplex; the projection returns to the nearest point.",
)

# %% [markdown]
# A hard trigger can train for many steps without any change of a decision: the point moves, the largest word stays. Then one step makes another word the
# largest, and the filter sees something else at once.
#
# In the released code for text, $\lambda = 0$ skips the adversary *and* the projection. Then a trigger only learns to be accurate, which makes it the control for "any learned words".
#
# ## The comments, and what is deployed
#
# Invented comments come from templates: which groups are mentioned decides the *rate* of toxic ones, and cue words give the label away only in part.
# A classifier that wants to be right learns the rates, and that is the bias. Real comments are Measuring Hate Speech {cite}`kennedy2020`, a substitute with another label.

# %% tags=["hide-input"]
rows = []
for part in ("train", "tune", "val", "test"):
    some = tokens.part(part)
    rows.append(
        {"part": part, "comments": len(some), "toxic": float(some.y.float().mean())}
        | {g: int(n) for g, n in zip(some.group_names, some.groups.sum(0), strict=True)}
    )
tables.table(
    pd.DataFrame(rows),
    caption=f"{tokens.name}: comments, share of toxic ones, and how many mention each group; "
    f"{tokens.truncated} were cut to {cfg.length} tokens. The four parts are disjoint.",
    formats={"toxic": ".3f"},
)

# %% [markdown]
# The four parts have four tasks, and no comment has two. Whoever tuned a trigger on the comments that BASE has learned by heart would tune it for a classifier that is surer of itself than it will ever be again;
# and whoever chose a setting on test comments would report how well one can choose.
#
# BASE learns from the first part, triggers and AdvPost from the second. BASE is a transformer with one or two layers, trained here in seconds.
# Then everything else is trained: soft and hard triggers, AdvIn and AdvPost, for every $\lambda$, both criteria and every seed.

# %% [markdown]
# **The protocol, whole.** A job is a method with its $\lambda$, criterion, number and place of words,
# and seed. BASE is frozen for the triggers; AdvIn starts anew, AdvPost goes on from BASE.

# %%
source_of(study.protocol.trained)

# %% [markdown]
# The next cell runs all jobs of the grid, or finds them kept, and lays their decisions side by side on one board: every method, every setting and every seed decides about the same test comments.
# So two numbers below may be subtracted, comment by comment, and their difference has an interval of its own.

# %%
cells = study.protocol.play(tokens, cfg, study.protocol.grid(cfg))
board = study.measures.Board(tokens, cfg, cells)
record.keep(study.measures.measures(board))
print(f"{len(cells)} trainings and controls, n = {board.n} test comments")

# %% [markdown]
# Before anything is repaired: how good is BASE, and how biased?

# %% tags=["hide-input"]
say(
    "BASE is right about {accuracy} of the test comments, {over} above calling nothing toxic. Its bias is {dp} in demographic parity and {eo} in equalised odds (means over groups; intervals: "
    "95 % bootstrap over {n} comments, mean over {seeds} models).",
    accuracy=record.estimate("base.accuracy"),
    over=record.estimate("base.over-constant"),
    dp=record.estimate("base.dp"),
    eo=record.estimate("base.eo"),
    n=board.n,
    seeds=cfg.seeds,
)

# %% [markdown]
# ### Groups that overlap
#
# A comment about an imam and a rabbi counts for both groups. So there is no "group against the rest" here: each group's rate is compared with the rate of *all* comments,
#
# $$\mathrm{DP} = \sum_z \lvert P(\hat y{=}1) - P(\hat y{=}1 \mid z)\rvert, \qquad
#   \mathrm{EO} = \sum_z \tfrac12\left(\lvert \mathrm{FPR} - \mathrm{FPR}_z\rvert + \lvert \mathrm{FNR} - \mathrm{FNR}_z\rvert\right).$$
#
# Take ten comments of which four are called toxic. Five mention the first group, three of these are called toxic; four mention the second, one of these is. A comment may be counted in both, or in none: the formula
# does not ask. Of all comments .4 are called toxic, of the first group's .6, of the second's .25. The deviations are .2 and .15, their sum is .35 and their mean .175.
# Note what the sum does when a third group joins at .4: nothing, while the mean falls. That is why the two must not be mixed up.
#
# The paper prints the sum; its code computes the *mean* over groups. With $g$ groups one is $g$ times the other. Our axes show the mean.
#
# An absolute deviation is never negative, so noise makes it larger, and a bootstrap adds noise once more. The resamples are therefore moved until their mean is the measured value.

# %%
source_of(study.crowd.Crowd.bias)

# %% [markdown]
# The same filter in both normalisations:

# %% tags=["hide-input"]
norms = [
    {
        "criterion": text,
        "mean over groups (code)": str(record.estimate(f"base.{c}")),
        "sum over groups (paper)": str(record.estimate(f"base.{c}.sum")),
    }
    for c, text in drawings.CRITERIA.items()
]
tables.table(
    pd.DataFrame(norms), caption=f"BASE in both normalisations, {len(tokens.group_names)} groups."
)

# %% [markdown]
# ## The rule of choice
#
# The paper chooses by validation bias. That rule loves the constant classifier, whose bias is zero. Ours: of all settings whose *validation* accuracy keeps half of what BASE gains over the constant, the one with the least validation bias.
# Half is a choice of ours: a rule has to say how much accuracy may be paid, or silence wins.
# If none does, the most accurate. A setting that gives all but one in two hundred the same answer is called *collapsed*, and counted.

# %%
source_of(study.measures.Board.chosen)

# %% [markdown]
# How often would the two rules differ? The table counts.

# %% tags=["hide-input"]
collapse = pd.DataFrame(
    [
        {
            "criterion": text,
            "method": drawings.METHODS[m],
            "settings that collapse": record.estimate(f"collapse.{c}.{m}").value,
            "bias alone picks a collapse": record.estimate(f"audit.selection.{c}.{m}").value,
            "λ by our rule": ", ".join(f"{v:g}" for v in record.measured(f"chosen.{c}.{m}.lambda").draws()),
        }
        for c, text in drawings.CRITERIA.items()
        for m in study.METHODS
    ]
)  # fmt: skip
tables.table(
    collapse,
    caption=f"Share of settings that collapse, and of {cfg.seeds} seeds where selection by bias "
    "alone would pick one; and the λ that our rule picks, by seed.",
    formats={"settings that collapse": ".0%", "bias alone picks a collapse": ".0%"},
)

# %% [markdown]
# What would follow from the rule that looks at bias alone?

# %% tags=["hide-input"]
say(
    "Bias alone would pick a collapsed setting in {blind:.0%} of the choices in this table, each seed counted. Our rule takes a setting below the accuracy floor only "
    "where none reaches it.",
    blind=record.estimate("audit.selection.collapsed").value,
)

# %% [markdown]
# ## The trade-off, with controls
#
# Every $\lambda$ of every method. The controls cost nothing: the constant classifier, BASE mixed with it at random, BASE with a moved threshold, and *random words* that nobody trained.

# %% tags=["hide-input"]
shown = {**drawings.METHODS, "random": "random words", "base": "BASE"}
for c, text in drawings.CRITERIA.items():
    frame = pd.DataFrame(study.measures.table(board, shown, c))
    show(
        plots.plot_tradeoff(
            frame,
            metric=drawings.AXES[c],
            fairness="bias",
            draw=None,
            **drawings.controls(board, c),
        ),
        name=f"tradeoff-{c}",
        caption=f"Accuracy against bias, {text}, {tokens.name}; points of a method are joined in "
        f"the order of λ. Bars: 95 % bootstrap over n = {board.n} comments, mean over {cfg.seeds} "
        "models.",
        alt="BASE is at the upper left, the constant classifier at the right end of the mixing "
        "line. Most points of the methods lie near that line or below it, a few far below; random "
        "words are among them. The moved threshold is a curve that bends down far below the line.",
    )

# %% [markdown]
# A picture of many points wants a count. How many of them lie above the dotted line?

# %% tags=["hide-input"]
fairer = {}
for c in study.CRITERIA:
    planes = [board.plane(m, c, "test") for m in study.METHODS]
    lead = [(board.mixed(c, a) - b)[..., 0].mean(1) > 0 for a, b in planes]
    fairer[c] = np.concatenate(lead)
say(
    "Of the {settings} settings, {dp} have less bias than the dotted line at their accuracy in demographic parity, and {eo} in equalised odds (means over models).",
    settings=len(fairer["dp"]),
    dp=int(fairer["dp"].sum()),
    eo=int(fairer["eo"].sum()),
)

# %% [markdown]
# A method earns its keep above and to the right of the dotted line and of the dashed curve. To compare whole fronts, take one number: the accuracy gained over the constant,
# averaged over limits on the bias between zero and BASE's. Fronts are chosen on validation and measured on test.

# %% tags=["hide-input"]
for c, text in drawings.CRITERIA.items():
    numbers = {label: record.estimate(f"front.{c}.{m}") for m, label in drawings.METHODS.items()}
    numbers |= {
        "random words": record.estimate(f"front.{c}.random"),
        "moved threshold": record.estimate(f"front.{c}.threshold"),
        "mixing line": record.estimate(f"front.{c}.mixing"),
    }
    show(
        plots.plot_bars_ci(
            numbers, xlabel="accuracy over the constant, averaged over limits on the bias"
        ),
        name=f"fronts-{c}",
        caption=f"What each front is worth, {text}, {tokens.name}; 95 % bootstrap over n = {board.n} comments, mean over "
        f"{cfg.seeds} models.",
        alt="Seven bars: two triggers, AdvIn, AdvPost, random words, moved threshold, mixing line.",
    )

# %% [markdown]
# Read the bars against the last three: random words, a moved threshold and a coin need no training. Here are the differences with their intervals.

# %% tags=["hide-input"]
for c, text in drawings.CRITERIA.items():
    best = max(study.TRIGGERS, key=lambda m, c=c: record.estimate(f"front.{c}.{m}").value)
    first = f"front.{c}.{best}"
    say(
        "In {criterion} the better trigger is the {which} one. Its number minus AdvPost's is {post:z.3f}, minus that of a moved threshold {cut:z.3f}, minus the mixing line's {mix:z.3f}, minus random words' {random:z.3f}. "
        "Where one of the last three intervals lies below zero, something that needs no training does better.",
        criterion=text,
        which=best,
        post=record.estimate(f"{first}.vs-advpost"),
        cut=record.estimate(f"{first}.vs-threshold"),
        mix=record.estimate(f"{first}.vs-mixing"),
        random=record.estimate(f"{first}.vs-random"),
    )
dp_lines = [record.estimate(f"front.dp.{m}.vs-mixing") for m in study.TRIGGERS]
_ = expect(
    all(e.high < 0 for e in dp_lines),
    "the mixing line is worth more than either trigger in demographic parity",
    "Here the mixing line is not clearly worth more than both triggers in demographic parity.",
    only="laptop",
)

# %% [markdown]
# All five controls at once, for both triggers. Groups overlap here, so "a threshold for each group" has one for comments that mention some group and another for all
# others, chosen on validation comments. And everybody may toss coins: any setting may be mixed with another and with the constant, so that a few points stand beside
# curves on equal terms.

# %%
record.keep(study.beaten(board))
beats = controls.answers(
    record,
    {
        f"{m}.{c}": f"{drawings.METHODS[m]}, {c.upper()}"
        for m in study.TRIGGERS
        for c in study.CRITERIA
    },
    {"noise": "random words", "groups": "thresholds with and without a group"},
)
show(
    controls.drawn(beats, "trigger minus the control, accuracy →"),
    name="beats",
    caption=f"The number of a trigger's front minus that of each control, {tokens.name}: n = {board.n} comments, mean over "
    f"{cfg.seeds} models, bars are 95 % intervals over comments and trainings.",
    alt="Four panels, two triggers by two criteria, with a row for each of five controls, an interval and a dashed line "
    "at zero; the table below has the numbers.",
)

# %% [markdown]
# The same answers as words and numbers, for readers who would rather not read intervals off a picture:

# %% tags=["hide-input"]
tables.table(
    controls.table(beats),
    caption="Do triggers beat what costs nothing? The answer, and the trigger's number minus the control's.",
)

# %% [markdown]
# To the right of the dashed line the trigger is better. An interval that lies there as a whole is a *yes*; one that does not reach it is a *no*; one on both
# sides is *unclear*. The intervals are over comments *and* trainings: with few trainings they are wide.

# %% [markdown]
# ### Beside the paper's points
#
# Two data sets cannot share an axis of accuracy. They can share *what is left*: the share of BASE's gain over the constant, and the share of BASE's bias. On this scale BASE is the corner (1, 1), the constant classifier is (0, 0), and the diagonal is a coin.


# %% tags=["hide-input"]
def kept(accuracy, bias, low, best, worst):
    """Return the shares of BASE's gain and bias."""
    return (accuracy - low) / (best - low), bias / worst


low = float(board.crowd["test"].constant()[0])
ours, paper = {}, {}
for c in study.CRITERIA:
    top, worst = (float(v[:, 0].mean()) for v in board.base(c))
    for m in study.METHODS:
        plane = [v[..., 0].mean(1) for v in board.plane(m, c, "test")]
        ours[c, m] = [kept(a, b, low, top, worst) for a, b in zip(*plane, strict=True)]
        paper[c, m] = [kept(a, b, nothing, *civil[c, "base"][0]) for a, b in civil[c, m]]
show(
    drawings.relative(ours, paper),
    name="relative",
    caption=f"Filled: {tokens.name}, means over {cfg.seeds} models. Hollow: the paper's points for "
    "BERT on Civil Comments. Right is less bias, up is more accuracy; points outside are cut off.",
    alt="Two panels with a diagonal from BASE at the upper left to the constant at the lower "
    "right; hollow points are the paper's, filled ones ours. The paper's soft trigger lies "
    "above the diagonal; many of our points lie near it or below.",
)

# %% [markdown]
# Above the diagonal a method keeps a larger share of the gain than of the bias. Count them:

# %% tags=["hide-input"]


def above(points):
    """Return how many triggers keep a larger share of the gain than of the bias."""
    return sum(bool(gain > bias) for c in study.CRITERIA for m in study.TRIGGERS
               for gain, bias in points[c, m])  # fmt: skip


def size(points):
    """Return how many points of triggers there are."""
    return sum(len(points[c, m]) for c in study.CRITERIA for m in study.TRIGGERS)


say(
    "Of the paper's {n_paper} trigger points {paper} lie above the diagonal, of our {n_ours} only {ours}."
    if above(ours) / size(ours) < above(paper) / size(paper)
    else "Of the paper's {n_paper} trigger points {paper} lie above the diagonal, of our {n_ours} {ours} do.",
    paper=above(paper),
    n_paper=size(paper),
    ours=above(ours),
    n_ours=size(ours),
)

# %% [markdown]
# ### Group by group

# %% tags=["hide-input"]
crowd = board.crowd["test"]


def by_group(y_hat):
    """Return the share called toxic in each group, means over seeds."""
    found = [crowd.interval(draws) for draws in crowd.rates(y_hat)]
    return dict(zip(tokens.group_names, found, strict=True))


def picked(method):
    """Return decisions of the chosen setting of every seed."""
    runs = np.arange(cfg.seeds)
    return board.decided(method, "dp", "test")[board.chosen(method, "dp"), runs]


toxic = [float(crowd.y[m].mean()) for m in crowd.members.T]
show(
    drawings.rates(
        by_group(board.decided("base", "dp", "test")[0]),
        {"hard trigger": by_group(picked("hard")), "AdvPost": by_group(picked("advpost"))},
        dict(zip(tokens.group_names, toxic, strict=True)),
    ),
    name="groups",
    caption="Share of comments that is called toxic, by group mentioned, for BASE and for the "
    f"chosen settings; bars: 95 % bootstrap over comments, mean over {cfg.seeds} models.",
    alt="One row per group with three points and a vertical mark for the share that is labelled "
    "toxic.",
)

# %% [markdown]
# A moved threshold changes every group's share, too, and those most that have many comments near the border. So the fair comparison is a threshold of BASE that flags *as many* comments as the trigger does.
# If the groups are nearer to each other under the trigger than under that threshold, it has done more than move one.

# %% tags=["hide-input"]
plain, worded = board.decided("base", "dp", "test")[0], picked("hard")
known = [board.cells[s].margin["test"] for s in cfg.run_seeds()]
same_many = np.stack([
    margin >= np.quantile(margin, 1 - share)
    for margin, share in zip(known, worded.mean(1), strict=True)
])  # fmt: skip


def spread(y_hat):
    """Return the largest minus the smallest share that is flagged of a group."""
    found = [e.value for e in by_group(y_hat).values()]
    return max(found) - min(found)


false = [float(plain[:, (crowd.y == 0) & m].mean()) for m in crowd.members.T]
say(
    "Of the *harmless* comments that mention a group, BASE flags between {low:.3f} and {high:.3f}, by group. Of all that mention one, the largest share minus the smallest is {base:.3f} for BASE, {hard:.3f} for the hard trigger and "
    "{post:.3f} for AdvPost. A threshold of BASE that flags as many comments as the hard trigger leaves {cut:.3f}.",
    low=min(false),
    high=max(false),
    base=spread(plain),
    hard=spread(worded),
    post=spread(picked("advpost")),
    cut=spread(same_many),
)
_ = expect(
    max(false) > min(false) + 0.05,
    "BASE flags harmless comments about one religion more often than about another",
    "Here BASE flags harmless comments of all groups about as often.",
    only="laptop",
)

# %% [markdown]
# ## Did the trigger learn anything?
#
# A trigger that never moved, or an adversary whose gradient is tiny, would explain a flat result. So we look at the distance from the start and at both gradients at the end of the training.

# %% tags=["hide-input"]
moved = {
    (key, m): {
        lam: record.measured(f"train.dp.{m}.lambda{lam:g}.{key}").draws() for lam in cfg.lams[m]
    }
    for key in ("movement", "norm-y", "norm-z")
    for m in study.TRIGGERS
}
show(
    drawings.motion(moved),
    name="motion",
    caption="Euclidean distance of the trigger's weights from their start, and norms of both "
    "gradients in the last epoch, by λ (demographic parity). Small marks: seeds.",
    alt="Three panels over λ with two curves each, soft and hard: distance from the start, gradient "
    "of the label, gradient of the adversary. All lie above zero at every λ.",
)

# %% [markdown]
# If the first panel lay at zero, everything above would be about random words. It does not.

# %% tags=["hide-input"]
far = [v for (key, _), by in moved.items() if key == "movement" for run in by.values() for v in run]
pull = [float(np.mean(by[lam])) for (key, _), by in moved.items() if key == "norm-z"
        for lam in by if lam]  # fmt: skip
say(
    "No trigger stood still: the least distance is {far:.2f}, where two corners of the simplex are {corners:.2f} apart. The adversary's gradient is {low:.2f} to {high:.2f} long (means over seeds, λ above zero), so there was something to learn from.",
    far=min(far),
    corners=2**0.5,
    low=min(pull),
    high=max(pull),
)
_ = expect(
    min(far) > 0.3,
    "no trigger stood still",
    "Here a trigger hardly moved: its results say nothing about learned words.",
)

# %% [markdown]
# Next, words that were learned without any adversary, beside those of the chosen setting and those that nobody trained.

# %% tags=["hide-input"]
zero = {
    f"{label}: {what}": record.estimate(name)
    for m, label in (("soft", "soft trigger"), ("hard", "hard trigger"))
    for what, name in (
        ("λ = 0", f"lambda0.dp.{m}.change"),
        ("chosen λ", f"chosen.dp.{m}.change"),
    )
} | {"random words": record.estimate("random.dp.change")}
show(
    plots.plot_bars_ci(zero, xlabel="change of the bias (demographic parity)"),
    name="zero",
    caption="Change of BASE's bias by learned words without an adversary, by the chosen setting, "
    f"and by random words; 95 % bootstrap over n = {board.n} comments, mean over {cfg.seeds} models.",
    alt="Five bars: soft and hard trigger, each with λ = 0 and with the chosen λ, and random words.",
)

# %% [markdown]
# A bar to the left of zero is less bias. The bar of the random words is the one to beat.

# %% tags=["hide-input"]
untrained = zero["random words"]
say(
    "Words that nobody trained change the bias by {random:z.3f}. Of the {k} learned triggers in this figure {n} lower it by more, in the mean: {which}.",
    random=untrained,
    k=len(zero) - 1,
    n=sum(e.value < untrained.value for e in zero.values()),
    which="; ".join(k for k, e in zero.items() if e.value < untrained.value) or "none",
)

# %% [markdown]
# Which words are these? A trigger that was tuned on real comments may have picked a slur, and nobody has a complete list of slurs. So a word is printed only if it is on the list of harmless ones, that of the invented comments, and everything else is `[masked]`.

# %% tags=["hide-input"]
harmless = {w for group in WORDS.values() for w in group} | {w for cue in CUES for w in cue}
if not real:
    harmless |= set(tokens.tokenizer.decode(tokens.tokenizer.ordinary.tolist()))
spelled = pd.DataFrame(
    [
        {
            "criterion": drawings.CRITERIA[c],
            "λ": f"{job.lam:g}",
            "words": " ".join(study.side.readable(cells[job].words, harmless)),
        }
        for c in study.CRITERIA
        for job in board.jobs("hard", c, cfg.run_seeds()[0])
    ]
)
tables.table(spelled, caption="The hard triggers of the first seed, in words.")

# %% [markdown]
# Do the words name groups, as the explanation of the paper would have it?

# %% tags=["hide-input"]
named = {w for name in tokens.group_names for w in WORDS[name]}
hards = [job for c in study.CRITERIA for job in board.jobs("hard", c, cfg.run_seeds()[0])]
say(
    "{some} of these {all} triggers hold a word that names a group, {none} of those with λ above zero hold none. With λ = 0 nothing asks for such a word.",
    some=sum(bool(named & {*cells[job].words}) for job in hards),
    all=len(hards),
    none=sum(not named & {*cells[job].words} for job in hards if job.lam),
)

# %% [markdown]
# ## How many words, where, and from how many comments?
#
# $\lambda$ is fixed now, as in the paper. First the number of words: the paper says that one already helps and that more than five change little.

# %%
varied = study.side.Varied(tokens, board)
found = varied.measures() | study.side.transfer(tokens, board)
found |= study.side.softening(tokens, board)
record.keep(found)

# %% tags=["hide-input"]
sizes = drawings.frame(
    {m: record.estimate(f"words.{m}.change") for m in cfg.counts}, "words", "change"
)
show(
    plots.plot_curves(
        sizes, x="words", y="change", draw=None, xlabel="words of the hard trigger",
        ylabel="change of the bias (dp)",
        references={f"{cfg.count} random words": record.estimate("random.dp.change").value},
    ),
    name="words",
    caption=f"Change of the bias by number of trigger words, λ = {cfg.fixed['hard']:g}; band: 95 % "
    f"bootstrap over comments, mean over {cfg.seeds} models.",
    alt="A curve with its band over the number of words, and a horizontal line for random words.",
)  # fmt: skip

# %% [markdown]
# The horizontal line is what untrained words do. In numbers:

# %% tags=["hide-input"]
by_count = {m: record.estimate(f"words.{m}.change") for m in cfg.counts}
say(
    "One word changes the bias by {one:z.3f}, {count} by {five:z.3f}, {random} random ones by {untrained:z.3f}. The effect {grows} with every further word up to {count}.",
    one=by_count[1],
    count=cfg.count,
    five=by_count[cfg.count],
    random=cfg.count,
    untrained=record.estimate("random.dp.change"),
    grows="grows"
    if all(np.diff([e.value for m, e in by_count.items() if m <= cfg.count]) < 0)
    else "does not grow",
)

# %% [markdown]
# The same question on real comments, from the committed record, whatever ran here. Move the slider over the number of words.

# %% tags=["hide-input"]
stops = [m for m in (1, 2, 3, 5, 8) if f"words.{m}.change" in on_real.measurements]
by_words = [on_real.estimate(f"words.{m}.change") for m in stops]
tracks = {
    "change of the bias": [e.value for e in by_words],
    "upper end of its interval": [e.high for e in by_words],
    "lower end of its interval": [e.low for e in by_words],
}
curves(
    stops,
    tracks,
    says=[
        f"{m} word{'s' * (m > 1)}: {e:z.3f}; "
        + ("the interval excludes zero." if e.excludes(0) else "no change that can be told.")
        for m, e in zip(stops, by_words, strict=True)
    ],
    label="words of the hard trigger",
    ylabel="change of the bias",
    ylim=(min(e.low for e in by_words) - 0.002, max(e.high for e in by_words) + 0.002),
    border=0.0,
    caption=f"Real comments, committed record: change of the bias (demographic parity) by number of words at λ = {on_real.config['fixed']['hard']:g}; mean of "
    f"{on_real.config['seeds']} trainings, 95 % bootstrap over n = {by_words[0].n} comments. Dashed: no change.",
    alt="Three curves over the number of words: the change of the bias and both ends of its interval, and a line at zero.",
    name="words-real",
)

# %% [markdown]
# The slider in one sentence, beside words that nobody trained:

# %% tags=["hide-input"]
say(
    "On real comments the interval excludes 0 for {some} of {all} lengths: {which}. {count} random words change the bias by {random:z.3f} over {trainings} trainings, so that they lower it is *{lowers}*.",
    some=sum(e.excludes(0) for e in by_words),
    all=len(stops),
    which=", ".join(
        f"{m} word{'s' * (m > 1)}" for m, e in zip(stops, by_words, strict=True) if e.excludes(0)
    )
    or "none",
    **random_words,
)

# %% [markdown]
# *Where* do the words stand? The paper puts them behind the comment, the released code before `[CLS]`. A trigger is trained for each place, at one $\lambda$.

# %% tags=["hide-input"]
places = pd.DataFrame(
    [
        {
            "trigger": drawings.METHODS[m],
            "placement": text,
            "change of the bias": str(record.estimate(f"placement.{m}.{name}.change")),
            "change of accuracy": str(record.estimate(f"placement.{m}.{name}.cost")),
        }
        for m in study.TRIGGERS
        for name, text in (("end", "before [SEP]"), ("front", "before [CLS], as released"))
    ]
)
tables.table(
    places,
    caption=f"The two placements at one λ, demographic parity; 95 % bootstrap over n = {board.n} comments, mean over {cfg.seeds} models.",
)

# %% [markdown]
# Is the place a detail? The differences have intervals of their own.

# %% tags=["hide-input"]
say(
    "Moved in front of `[CLS]`, the same training changes the bias by a further {soft:z.3f} with soft words and {hard:z.3f} with hard ones. The place is no detail where an interval excludes zero.",
    soft=record.estimate("placement.soft.difference"),
    hard=record.estimate("placement.hard.difference"),
)

# %% [markdown]
# Then the tuning comments: all of them, and a small share, with about as many steps each time. The smallest share has at least twice as many comments as there are groups, and some of each.

# %% tags=["hide-input"]
less = drawings.frame(
    {
        (drawings.METHODS[m], 100 * r): record.estimate(f"ratio.{m}.{100 * r:g}.change")
        for m in study.side.TUNED
        for r in cfg.ratios
    },
    "percent",
    "change",
    "method",
)
show(
    plots.plot_curves(
        less, x="percent", y="change", by="method", draw=None, logx=True,
        xlabel="share of the tuning comments, %", ylabel="change of the bias (dp)",
        references={"BASE": 0.0},
    ),
    name="ratio",
    caption="Change of the bias with fewer tuning comments, each method at a λ fixed beforehand; "
    f"bands: 95 % bootstrap over comments, mean over {cfg.seeds} models.",
    alt="Two curves with bands over the share of tuning comments, and a line at zero for BASE.",
)  # fmt: skip

# %% [markdown]
# A curve near zero on the left means that few comments were too few.

# %% tags=["hide-input"]
say(
    "With the smallest share the hard trigger changes the bias by {hard:z.3f} and AdvPost by {post:z.3f}; minus their change with all comments that is {hard_loss:z.3f} and {post_loss:z.3f}. Their accuracy changes by {hard_cost:z.3f} and {cost:z.3f}.",
    hard=record.estimate("ratio.hard.least"),
    post=record.estimate("ratio.advpost.least"),
    hard_loss=record.estimate("ratio.hard.loss"),
    post_loss=record.estimate("ratio.advpost.loss"),
    cost=record.estimate(f"ratio.advpost.{100 * min(cfg.ratios):g}.cost"),
    hard_cost=record.estimate(f"ratio.hard.{100 * min(cfg.ratios):g}.cost"),
)

# %% [markdown]
# And transfer: each chosen trigger meets a BASE that it was not tuned for, trained from another seed. Two networks with unrelated embeddings share nothing but the vocabulary, so a *hard* trigger is the same words, and a soft one the same mixture.

# %% tags=["hide-input"]
carried = pd.DataFrame(
    [
        {
            "criterion": text,
            "trigger": drawings.METHODS[m],
            "own BASE: change": str(record.estimate(f"chosen.{c}.{m}.change")),
            "other BASE: change": str(record.estimate(f"transfer.{c}.{m}.change")),
            "other BASE: accuracy": str(record.estimate(f"transfer.{c}.{m}.cost")),
        }
        for c, text in drawings.CRITERIA.items()
        for m in study.TRIGGERS
    ]
)
tables.table(
    carried,
    caption=f"Change of bias and accuracy by a trigger on another BASE; 95 % bootstrap over n = {board.n} comments, mean over {cfg.seeds} models.",
)

# %% [markdown]
# Count the intervals rather than the points:

# %% tags=["hide-input"]
there = {
    kind: [
        record.estimate(f"{kind}.{c}.{m}.change") for c in study.CRITERIA for m in study.TRIGGERS
    ]
    for kind in ("chosen", "transfer")
}
say(
    "Of the {rows} triggers, {own} lower the bias of their own BASE by an interval below zero and {other} that of another.",
    rows=len(there["chosen"]),
    own=sum(e.high < 0 for e in there["chosen"]),
    other=sum(e.high < 0 for e in there["transfer"]),
)

# %% [markdown]
# ## Why should it work?
#
# The paper's answer: the trigger *claims a group*. If the filter is told loudly enough that this comment is about one religion, what the comment itself says about religion no longer matters. Chapter 4 proves it by enumeration for a small exact model.
#
# ### What does a trigger say without a comment?
#
# We train a classifier of *groups* and feed it `[CLS]`, the trigger, `[SEP]`, nothing else. The paper expects: the larger $\lambda$, the more one-sided.

# %%
found, alone = study.side.alone(tokens, board)
record.keep(found)
show(
    drawings.claimed(alone, cfg.lams, tokens.group_names),
    name="alone",
    caption="What a classifier of groups says about the trigger alone, by λ (equalised odds), "
    f"means over {cfg.seeds} seeds.",
    alt="Two panels, soft and hard trigger, with one curve per group over λ, and a dashed line at "
    "one over the number of groups.",
)

# %% [markdown]
# A curve near one claims a group; all curves near the dashed line claim nothing.

# %% tags=["hide-input"]
say(
    "The classifier of groups is right about {reader:.2f} of test comments that mention one group. From the smallest λ above zero to the largest, the largest probability changes by {soft:z.3f} for soft and by {hard:z.3f} for hard triggers "
    "(95 % t-intervals over {seeds} seeds). With λ = 0, where nobody asks for it, it is {soft_zero:.2f} and {hard_zero:.2f} already: a trigger that claims some group without an adversary was not taught to do so by one.",
    reader=record.estimate("null.reader").value,
    soft=record.estimate("null.soft.one-sided"),
    hard=record.estimate("null.hard.one-sided"),
    soft_zero=record.estimate("null.soft.lambda0").value,
    hard_zero=record.estimate("null.hard.lambda0").value,
    seeds=cfg.seeds,
)

# %% [markdown]
# ### The theorem, on texts of its own law
#
# Now texts exactly as the theorem draws them: three cue words given the label, three group words given the group, in any order. For these the exact posterior can be written as a network with four numbers per word,
# so that *the same* training code can look for a trigger. Beside it stands a transformer that learned from the texts.

# %%
if not real:
    found, shown_theorem, _ = study.theorem.run(cfg, device)
    record.keep(found)
    show(
        drawings.theorem(shown_theorem),
        name="theorem",
        caption="Left, by enumeration: information about the group beyond the label and accuracy, "
        "when 0 to 8 words of one group stand behind every text; crosses: another threshold "
        f"instead. Right: equalised-odds bias on drawn texts, means over {cfg.seeds} seeds.",
        alt="Left: a path of circles from no words to eight. One word raises the information, "
        "further ones lower it, to nothing with eight; crosses for thresholds. Right: bias over the "
        "number of words for both classifiers, lower with eight words than with none.",
    )
    told = [outcome.given_y for outcome in shown_theorem.exact]
    assert told[1] > told[0] > told[2] and abs(told[-1]) < 1e-6  # by enumeration, for every seed
    expect(
        all(line[-1] < line[0] - 0.02 for line in shown_theorem.eo.values()),
        "eight words of one group lower the bias of both classifiers",
        "Here eight words of one group do not lower the bias of both classifiers.",
        only="laptop",
    )

# %% [markdown]
# The left panel is mathematics: all texts are enumerated, nothing is drawn. The right one is a test: the same words behind drawn texts, for a classifier that knows the law and for one that had to learn it.

# %% tags=["hide-input"]
if not real:
    say(
        "Five words of one group change the bias of the exact classifier by {exact:z.3f} and that of the learned one by {learned:z.3f}. Left to find words themselves, "
        "trained triggers change them by {found:z.3f} and {trained:z.3f}. The first word *raises* the information: one word tips the balance towards a group without drowning what the text says. The theorem is about what is *possible*: it needs a classifier whose belief about the group saturates, and an optimiser that finds the words.",
        exact=record.estimate("theorem.exact.put"),
        learned=record.estimate("theorem.learned.put"),
        found=record.estimate("theorem.exact.trained"),
        trained=record.estimate("theorem.learned.trained"),
    )

# %% [markdown]
# Walk along the path yourself. How many words does it take until the exact classifier knows nothing of the group beyond the label, and what is left of its accuracy then?

# %% tags=["hide-input"]
if not real:
    path_of = shown_theorem.exact
    curves(
        shown_theorem.counts,
        {
            "accuracy": [outcome.accuracy for outcome in path_of],
            "information beyond the label (nats)": [outcome.given_y for outcome in path_of],
        },
        says=[
            f"{k} word{'s' * (k != 1)} of one group: accuracy {outcome.accuracy:.3f}, information {outcome.given_y:.4f} nats."
            for k, outcome in zip(shown_theorem.counts, path_of, strict=True)
        ],
        label="words of one group behind every text",
        ylabel="accuracy; nats",
        ylim=(0, 1),
        caption="The theorem by enumeration: what the exact classifier's decisions tell about the group beyond the label, and how often they are right.",
        alt="Two curves over the number of words of one group: accuracy stays well above one half, information rises with the first word and falls to nothing.",
        name="theorem-walk",
    )
    right = [outcome.accuracy for outcome in path_of]  # by enumeration, for every seed
    assert all(np.diff(right) <= 0) and right[0] - 0.1 > right[-1] > 0.6
    assert all(np.diff(told[1:]) <= 1e-12)  # further words never bring information back

# %% [markdown]
# One word raises the information, further ones take it away, and with the last stop none is left: that is asserted above, by enumeration.
# The other curve is the price: whoever is told the same about everybody decides with what remains.

# %% [markdown]
# ## Which words count
#
# Integrated gradients {cite}`sundararajan2017` follow the logit along the straight line from an empty comment (`[CLS]`, padding, `[SEP]`) to the real one and give each word its share,
#
# $$a_i = \sum_k (e_{ik} - b_{ik}) \int_0^1 \frac{\partial F(b + t(e-b))}{\partial e_{ik}}\, dt, \qquad \sum_i a_i = F(e) - F(b).$$
#
# The sum on the right is the check: nothing is lost, nothing invented.

# %% tags=["hide-input"]
source_of(study.attribution.attribute)

# %% [markdown]
# Two comments that are labelled harmless and that BASE calls toxic are read twice: as deployed, and with the five words of the hard trigger. The completeness gap is asserted for each.

# %%
first = cfg.run_seeds()[0]
base = study.protocol.base(tokens, cfg, first)
job = study.side.fixed(cfg, "hard", "dp", first)
hard, _ = study.protocol.trained(tokens, cfg, job)
test = tokens.part("test")
marked, gaps, toxicity = {}, [], []
if not real:  # only invented comments are ever shown
    plain = study.protocol.margins(base, test)
    wrong = np.flatnonzero((plain > 0) & (crowd.y == 0) & crowd.members.any(1))
    for i in wrong[:2]:
        for text, t in (("as deployed", None), ("with five trigger words", hard)):
            a = study.attribution.attribute(base, test.ids[i : i + 1], t, tokens.tokenizer)
            words = study.side.readable(a.tokens, harmless | {"[CLS]", "[SEP]"})
            marked[f"Comment {i}, {text}: toxicity {a.toxicity:.2f}"] = [
                Word(w, float(v), k in a.trigger)
                for k, (w, v) in enumerate(zip(words, a.scaled(), strict=True))
            ]
            gaps.append(abs(a.gap))
            toxicity.append(a.toxicity)
    assert max(gaps, default=0.0) < 1e-3

# %% [markdown]
# What does the filter hold against these comments, and what do the words of the trigger change?

# %% tags=["hide-input"]
if marked:
    highlight(
        marked,
        name="attributions",
        caption="Invented comments that are labelled harmless and that BASE calls toxic: integrated "
        "gradients of the logit by word, divided by their norm, without and with the hard trigger.",
    )
    masks = sum(any(w.text in CUES[1] for w in line) for line in marked.values())
    say(
        "Harmless is what the *label* says. {masked} of these {shown} lines hold a mask of the toxic words, because a cue is drawn from the other label's words at a rate of {rate:.0%}: somebody may quote an insult. "
        "With the trigger, {fewer} of the {many} comments are no longer called toxic.",
        masked=masks,
        fewer=sum(after < 0.5 for after in toxicity[1::2]),
        many=len(toxicity) // 2,
        shown=len(marked),
        rate=AMBIGUITY,
    )

# %% [markdown]
# One comment is an anecdote. The whole test part:

# %% tags=["hide-input"]
say(
    "Over *all* test comments that mention a group and are labelled harmless, the hard trigger changes the probability of toxic by {change:z.3f}. One chosen example can show either direction.",
    change=record.estimate("example.softened"),
)

# %% [markdown]
# ## Comments that are too long, or empty, and encoders that are not there
#
# A trigger needs room. The released code does not cut comments, so a long one runs past the last position. Here it is cut on purpose, keeps its `[SEP]`, and is counted. A comment without a single word is dropped and counted when a set is made.

# %%
long = encode_with(tokens.tokenizer, ["welcome " * 40, "welcome"], 64)
short, cut = with_room(long.ids, tokens.tokenizer, cfg.positions, cfg.count)
print(f"{cut} of 2 comments cut to {short.shape[1]} tokens beside {cfg.count} words;",
      "[SEP] kept:", bool((short[0] == tokens.tokenizer.end).any()))  # fmt: skip
print("empty comments:", encode_with(tokens.tokenizer, ["", "?!", "welcome"], 64).empty)
with tempfile.TemporaryDirectory() as folder:
    Path(folder, "config.json").write_text("{}")  # an encoder without its tokenizer
    try:
        load_pretrained(folder)
    except MissingData as problem:
        print(type(problem).__name__, "-", str(problem).partition("holds ")[2])

# %% [markdown]
# ## On your own filter
#
# Any network that takes word embeddings will do: `fairtut.models.text.Pretrained` wraps a saved BERT. A trained trigger is a small file that knows which vocabulary it belongs to.

# %%
tuning = tokens.part("tune")
done = train_words(base, tuning, count=3, mode="hard", config=replace(cfg.words, lam=0.3), seed=1)
with tempfile.TemporaryDirectory() as folder:
    kept_file = save_words(Path(folder) / "words.pt", done.module, tokens.tokenizer)
    print(f"{kept_file.stat().st_size / 1024:.0f} KiB")
    again = load_words(kept_file, tokens.tokenizer)
same = torch.equal(text_logits(base, test, again), text_logits(base, test, done.module))
print("same logits after loading:", same)
assert same

# %% [markdown]
# ## Results against the paper
#
# BERT on Civil Comments is not what we run by default, so the paper's points are *not tested*; they stand on the scoreboard. Its **messages** are tested on the substitute, and on invented comments as a control. The verdicts on real comments come from the committed record.
#
# A verdict asks for more than the captions above: other people *and* another training, with every test of this paper counted. So a sentence above may hold for these trained models, and its verdict may still be *inconclusive*.

# %% tags=["hide-output"]
record.keep(study.checks.exact(tokens, board) | study.checks.audit(tokens, board))
tables.results_table(of_chapter(record, "message."), caption="The messages, on real comments.")

# %% [markdown]
# The same sentences are asked of invented comments. There the bias is planted, so a method that works has something to remove:

# %% tags=["hide-output"]
tables.results_table(
    of_chapter(record, "synthetic.message."), caption="The same messages on invented comments."
)

# %% [markdown]
# Our questions come next, apart from the claims of the paper: does a front beat what costs nothing?

# %% tags=["hide-output"]
tables.results_table(
    of_chapter(record, "control.front.", "control.lambda0", "control.random", suffix=".real"),
    caption="Controls on real comments.",
)

# %% [markdown]
# And what is exact or concerns the code: the theorem by enumeration, what must hold to rounding, and what the released code does.

# %% tags=["hide-output"]
tables.results_table(
    of_chapter(record, "theorem.", "control.theorem", "exact.", "audit."),
    caption="The theorem, the invariants and the released code.",
)

# %% [markdown]
# All of these tables in one sentence. *Inconclusive* counts neither for nor against.

# %% tags=["hide-input"]
judged = of_chapter(record, "message." if real else "synthetic.message.")
tested = [v for v in judged if v.verdict != "not tested"]
held = [v for v in tested if v.holds]
free = of_chapter(record, "control.front.", suffix=".real" if real else ".synthetic")
beats = [v for v in free if v.id.split(".")[3] in study.TRIGGERS and "random" not in v.id]
above = [v for v in beats if v.holds]
say(
    "On {name}, {held} of the {tested} messages that could be tested hold, and {unsure} are *inconclusive*. Of the {beats} comparisons of a trigger's front with the mixing line or with a moved threshold, {above} favour the trigger.",
    name=tokens.name,
    held=len(held),
    tested=len(tested),
    unsure=sum(v.verdict == "inconclusive" for v in tested),
    beats=len(beats),
    above=len(above),
)

# %% [markdown]
# ## What we did differently
#
# | what | theirs | ours | why |
# |---|---|---|---|
# | classifier | BERT-base, 110 million weights | a transformer with one or two layers, from scratch | two cores; `preset="paper"` takes a saved encoder |
# | comments | Civil Comments, 448 thousand | Measuring Hate Speech (25 thousand), or invented ones | the identities' file must be placed by hand |
# | groups | eight, overlapping | the same eight; invented comments: three religions | – |
# | placement | before `[CLS]` in the tensor | before `[SEP]` | what the paper says; both measured |
# | λ | up to 100 and 1,200 | up to 3 for triggers, 1 for AdvIn, 5 for AdvPost | a small network; the table of collapses shows AdvPost's |
# | passes over the tuning comments | 10 | 6 on invented comments, 3 on real ones | cost |
# | rates of all weights | .00001, for BERT | .003 for BASE (.002 on real ones), the same for AdvIn, .001 for AdvPost | a network from scratch |
# | AdvIn's passes | – | 4 on invented comments, 3 on real ones | cost |
# | length | – | 24 tokens, 32 for real comments; the vocabulary is made from the training comments | cost |
# | trigger's rate | .1, constant | .05, lowered twice | at .1 the last step decides |
# | adversary's rate | .001 | .01 | it has fewer steps to learn in |
# | choice | least validation bias | the same above an accuracy floor | bias alone likes constants |
# | bias | sum in the paper, mean in the code | mean; the sum is recorded | comparable for any number of groups |
# | biases of the adversary | never trained (see below) | trained | – |
# | seeds | – | 3, each with a BASE of its own | – |

# %% [markdown]
# The table is prose, and prose goes stale. So the next cell compares it with the settings that ran.

# %% tags=["hide-cell"]
if preset == "laptop":  # the table is about this preset: what it says is what ran
    assert (cfg.words.lr, len(cfg.words.drops), cfg.words.lr_d) == (0.05, 2, 0.01)
    assert cfg.words.epochs == cfg.post.epochs == (3 if real else 6)
    assert cfg.advin.epochs == (3 if real else 4)
    assert cfg.base.lr == cfg.advin.lr == (0.002 if real else 0.003) and cfg.post.lr == 0.001
    assert {m: max(cfg.lams[m]) for m in study.METHODS} == {
        "soft": 3, "hard": 3, "advin": 1, "advpost": 5
    }  # fmt: skip
    assert (cfg.length, cfg.seeds, cfg.count) == (32 if real else 24, 3, 5)

# %% [markdown]
# ## What the released code does
#
# Facts, in the hope that they help.
#
# **A generator is read twice.** The optimiser builder sorts parameters into those with and without weight decay, both times from one `named_parameters()`. The second list is always empty: biases and layer norms of BASE, AdvIn, AdvPost and of the adversary are never trained.

# %%
source_of(study.checks.no_decay)

# %% [markdown]
# How many tensors does that leave out? The function rebuilds both lists for our BASE.

# %%
first_list, second_list, every = study.checks.no_decay(base)
print(f"{every} parameter tensors: {first_list} with decay, {second_list} without, "
      f"{every - first_list - second_list} in no list")  # fmt: skip
assert second_list == 0

# %% [markdown]
# **The trigger is pooled.** Concatenated before `[CLS]`, it stands at index 0, where BERT's pooler reads.
#
# **Nothing is cut.** A comment near the last position has no room for five more words.
#
# **λ = 0 skips the adversary**, and with it the projection; in the code for pictures λ = 0 keeps the projection. So "λ = 0" means two things in one repository.
#
# **Settings are chosen by bias**, for BASE too after its warm-up. Early stopping by bias stops at the constant classifier as soon as training comes by it.
#
# ## Limits, and who could be harmed
#
# **A constant cannot know the comment.** The same five words go behind a death threat and a prayer. If the network adds up evidence, the words add a constant, and a constant moves a threshold: fewer harmless comments are flagged, and fewer threats, too.
#
# **Mentions are not people.** A comment that mentions Muslims is not a comment by or against Muslims. Filters that flag mentions silence those who write about themselves {cite}`dixon2018,sap2019`.
#
# **Labels are opinions.** Hate and toxicity are what annotators saw, and annotators disagree along the lines of the groups at stake.
#
# **A trigger is also an attack.** Words that make every comment look harmless are what somebody who wants to evade the filter is looking for.
#
# **Small network, small text.** That a message fails here does not show that it fails for BERT.
#
# ## Exercises

# %% [markdown]
# :::{exercise} check
# :label: reprogramming-text-exercise-1
#
# Show that for one row of the simplex the hard trigger's forward pass does not depend on the weights that are not the largest.
# :::

# %% [markdown]
# :::{solution-start} reprogramming-text-exercise-1
# :::

# %% tags=["hide-cell"]
demo = WordTrigger(tokens.tokenizer, 1, mode="hard", generator=torch.Generator().manual_seed(0))
demo = demo.to(device)
before = demo.embeddings(base.table).detach()
with torch.no_grad():
    demo.weight.mul_(0.7).add_(0.3 / demo.weight.shape[1])  # still on the simplex, same winner
change = float((demo.embeddings(base.table).detach() - before).abs().max())
assert change == 0
say(
    "The largest change of an embedding is {change:.0f}: as long as the same word is the largest, the filter sees the same words, whatever the other weights are.",
    change=change,
)

# %% [markdown]
# :::{solution-end}
# :::

# %% [markdown]
# :::{exercise} check
# :label: reprogramming-text-exercise-2
#
# Two groups that share no comment and together are everybody: how does DP (mean) relate to the difference of their rates?
# :::

# %% [markdown]
# :::{solution-start} reprogramming-text-exercise-2
# :::

# %% tags=["hide-cell"]
rng = np.random.default_rng(seed)
s_demo, decided = rng.integers(0, 2, 500), rng.integers(0, 2, 500)
overall = decided.mean()
each = [abs(overall - decided[s_demo == k].mean()) for k in (0, 1)]
gap = abs(decided[s_demo == 0].mean() - decided[s_demo == 1].mean())
assert abs(sum(each) - gap) < 1e-12
say(
    "The sum of both deviations is {both:.3f}, which is the difference of the rates; so DP as a mean over two such groups is half of it. The rate of everybody lies between the two rates, and the way from one to the other passes it.",
    both=sum(each),
)

# %% [markdown]
# :::{solution-end}
# :::

# %% [markdown]
# :::{exercise} code
# :label: reprogramming-text-exercise-3
#
# Put one group's word five times behind every comment, for each group. Is it a threshold, or does it move groups towards each other?
# :::

# %% [markdown]
# :::{solution-start} reprogramming-text-exercise-3
# :::

# %% tags=["hide-cell"]
more = []
for name in tokens.group_names:
    known = [w for w in WORDS[name] if tokens.tokenizer.pieces(w) != [1]]
    if known:
        y_hat = study.protocol.margins(base, test, study.theorem.named(tokens, known[0], 5)) >= 0
        margin = study.protocol.margins(base, test)
        cut = margin >= np.quantile(margin, 1 - y_hat.mean())  # as many flagged, no words
        print(f"{name.replace('_', ' '):16s} flagged {y_hat.mean():.2f}, "
              f"dp {crowd.bias(y_hat, 'dp')[0]:.3f} (threshold {crowd.bias(cut, 'dp')[0]:.3f}), "
              f"accuracy {crowd.accuracy(y_hat)[0]:.3f} ({crowd.accuracy(cut)[0]:.3f})")  # fmt: skip
        more.append(bool(crowd.bias(y_hat, "dp")[0] < crowd.bias(cut, "dp")[0]))
say(
    "In brackets stands a threshold of BASE that flags as many. Of the {all} words {better} leave less bias than their threshold does. Where all or none are flagged the bias is small for the wrong reason; a word does more than a threshold only where it beats the bracket.",
    all=len(more),
    better=sum(more),
)

# %% [markdown]
# :::{solution-end}
# :::

# %% [markdown]
# :::{exercise} code
# :label: reprogramming-text-exercise-4
#
# Take the projection away from the update ($G = g_y - \lambda g_z$). What changes for the hard trigger?
# :::

# %% [markdown]
# :::{solution-start} reprogramming-text-exercise-4
# :::

# %% tags=["hide-cell"]
outcome = []
for project in (True, False):
    config = replace(cfg.words, criterion="dp", lam=job.lam, projection=project)
    other = train_words(base, tuning, mode="hard", config=config, seed=first).module
    y_hat = study.protocol.margins(base, test, other) >= 0
    outcome.append((crowd.bias(y_hat, "dp"), crowd.accuracy(y_hat)))
    print(f"projection {'on ' if project else 'off'}: dp {outcome[-1][0][0]:.3f}, "
          f"accuracy {outcome[-1][1][0]:.3f}")  # fmt: skip
moves = crowd.interval((outcome[1][0] - outcome[0][0])[None])
say(
    "Without the projection the bias changes by {moves:z.3f} (an interval over comments, one model): {word}",
    moves=moves,
    word="a difference." if moves.excludes(0) else "no difference that can be told.",
)

# %% [markdown]
# :::{solution-end}
# :::

# %% [markdown]
# :::{exercise} research
# :label: reprogramming-text-exercise-5
#
# The theorem wants a network whose belief about the group saturates. Build one (a saturating unit before the head, say) and find out whether *trained* triggers then beat a moved threshold. There is no solution here; `study.theorem` is the place to start.
# :::

# %% [markdown]
# :::{exercise} break it
# :label: reprogramming-text-exercise-6
#
# Leave the projection out: replace `nearest` by a function that does nothing. Which promise of a trigger breaks?
# :::

# %% [markdown]
# :::{solution-start} reprogramming-text-exercise-6
# :::

# %% tags=["hide-cell"]
kept_projection, caught = nearest, False
nearest = torch.clone  # the broken line
try:
    d_mine = Discriminator("dp", 2, 2, (8,), generator=torch_rng(seed, "d")).double()
    start = functional.one_hot(torch.tensor([4, 5]), 6).double()
    broken = reprogram(toy_filter, start, d_mine, toy_batches[:5], False, 1.0, 0.05, 0.01)
    assert (broken.sum(1) - 1).abs().max() < 1e-5 and broken.min() >= 0, "not on the simplex"
except AssertionError as problem:
    caught = True
    print("caught:", problem)
nearest = kept_projection
assert caught

# %% [markdown]
# The weights are no mixture any more: a word may count negatively, and the trigger may be louder than any two words are.

# %% [markdown]
# :::{solution-end}
# :::

# %% [markdown]
# ## Check yourself
#
# Five questions. Choose first, then unfold the answer.

# %% tags=["hide-input"]
quiz(
    [
        Check(
            "A hard trigger's weights move a little, and the largest stays the largest. What does the filter see?",
            ["the same words as before", "a slightly different mixture"],
            right=0,
            why="Forward, only the largest weight counts. The gradient goes to all weights, so that another one can win later.",
        ),
        Check(
            "Why is each row projected after a step?",
            [
                "so that the words stay short",
                "so that its weights are again non-negative and sum to one",
                "so that the adversary cannot read them",
            ],
            right=1,
            why="A step of the optimiser knows nothing of the simplex. The projection takes the nearest point of it.",
        ),
        Check(
            "What bias does a filter have that calls nothing toxic?",
            ["none at all", "the difference of the groups' base rates", "the largest possible"],
            right=0,
            why="All groups are flagged equally often: never. That is why a choice by bias alone loves it, and why our rule has a floor of accuracy.",
        ),
        Check(
            "A trigger lowers the bias, and a moved threshold lowers it as much at the same accuracy. What have the words shown?",
            ["that the adversary works", "nothing that a threshold would not do"],
            right=1,
            why="The same words stand behind every comment. If they do no more than a constant, they are a costly way to write one.",
        ),
        Check(
            "A comment mentions two groups. How often does it count?",
            ["once, in the larger group", "half in each", "in each of them"],
            right=2,
            why="Groups overlap here, so each group's rate is compared with that of all comments, not with the rest.",
        ),
    ],
    name="words",
)

# %% [markdown]
# ## What we learned

# %% [markdown]
# The box of the first page comes back, with the words that have a meaning now.

# %% tags=["hide-input"]
learned(
    "reprogramming_text",
    points=[
        "A trigger word is a point of a simplex: the soft one is a mixture, the hard one a word, and only a word can be typed.",
        "The same words behind every comment are close to a constant, and a constant moves a threshold. So a moved threshold is the control to beat.",
        "{count} words that nobody trained change the bias by {random:z.3f} over {trainings} trainings, so that they lower it is *{lowers}*; a learned trigger has to be compared with them.",
        "A setting that is chosen by bias alone may be the filter that calls nothing toxic.",
    ],
    answer=in_short,
    **random_words,
    **known_values,
)

# %% [markdown]
# ## Keeping the record

# %% [markdown]
# Before the record is written, three effects without which nothing on this page would mean anything are asserted: BASE is biased, it is better than silence, and the theorem can be seen.

# %%
expect(  # a small run still shows what the chapter is about
    record.estimate("base.dp").low > 0.01,
    "BASE is biased",
    "Here BASE has next to no bias, so there is little that a trigger could do.",
)
expect(
    record.estimate("base.over-constant").low > 0.02,
    "BASE is better than calling nothing toxic",
    "Here BASE is hardly better than calling nothing toxic: no front means anything.",
)
if not real:
    expect(
        record.estimate("theorem.exact.put").high < -0.02,
        "five words of one group lower the bias of the exact classifier",
        "Here five words of one group do not lower the bias of the exact classifier.",
    )
path = record.save(results_dir)
print(f"{len(record.measurements)} measurements in {path}")

# %% [markdown]
# ## Sources
#
# Method and numbers: {cite}`zhang2022fairreprogram`, its submission, its blog and its released code. Update: {cite}`zhang2018`. Projection: {cite}`held1974`. Attribution: {cite}`sundararajan2017`. Data: {cite}`borkan2019,kennedy2020`.
# All wording, drawings and code here are ours.
