"""Right answers of day 13, written another way."""

import math
import re

import torch
import torch.nn.functional as F

from grader.catalogue import alternative

DAY = "day13_interview"


@alternative(DAY, "whiteboard", "rotate")
def with_complex_numbers(x, positions, base=10_000.0):
    if x.size(-1) % 2:
        raise ValueError("odd")
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)).contiguous())
    inverse = torch.tensor([base ** (-2 * i / x.size(-1)) for i in range(x.size(-1) // 2)], dtype=torch.float32)
    angles = torch.outer(positions.float(), inverse.to(x.device))
    return torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)).flatten(-2).type_as(x)


@alternative(DAY, "whiteboard", "rotate")
def with_a_swapped_copy(x, positions, base=10_000.0):
    """x · cos + (x with neighbours swapped, and a sign) · sin, as libraries do."""
    *_, size = x.shape
    if size % 2 == 1:
        raise ValueError("odd")
    angles = positions.float().unsqueeze(1) / base ** (torch.arange(0, size, 2).to(x.device).float() / size)
    angles = angles.repeat_interleave(2, dim=1)
    swapped = torch.empty_like(x, dtype=torch.float32)
    swapped[..., 0::2], swapped[..., 1::2] = -x[..., 1::2], x[..., 0::2]
    return (x.float() * angles.cos() + swapped * angles.sin()).to(x.dtype)


@alternative(DAY, "whiteboard", "grouped_query_attention")
def with_a_group_axis(q, k, v):
    (batch, heads, queries, size), (_, groups, keys, _) = q.shape, k.shape
    if heads % groups != 0 or keys < queries:
        raise ValueError("do not fit")
    q = q.reshape(batch, groups, heads // groups, queries, size)  # (B, G, H/G, T, D)
    scores = torch.einsum("bghtd,bgsd->bghts", q, k) * size**-0.5
    future = q.new_ones(queries, keys, dtype=torch.bool).triu(keys - queries + 1)
    weights = torch.where(future, torch.finfo(scores.dtype).min, scores).softmax(-1)
    return torch.einsum("bghts,bgsd->bghtd", weights, v).reshape(batch, heads, queries, size)  # (B, H, T, D)


@alternative(DAY, "whiteboard", "grouped_query_attention")
def with_pytorchs_own(q, k, v):
    if q.size(1) % k.size(1) or q.size(2) > k.size(2):
        raise ValueError("do not fit")
    mask = torch.ones(q.size(2), k.size(2), dtype=torch.bool, device=q.device).tril(k.size(2) - q.size(2))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)


@alternative(DAY, "whiteboard", "attend_in_parts")
def with_a_log_of_the_sum(q, parts):
    """Keep the result and the logarithm of the sum: each part's own softmax, weighed by its share."""
    result, log_sum = torch.zeros_like(q), torch.tensor(-math.inf)
    for k, v in parts:
        scores = k @ q * q.numel() ** -0.5
        new = torch.logaddexp(log_sum, scores.logsumexp(0))
        result = result * (log_sum - new).exp() + (scores - new).exp() @ v
        log_sum = new
    return result


@alternative(DAY, "whiteboard", "attend_in_parts")
def in_double_precision(q, parts):
    best, total, mixed = -math.inf, 0.0, None
    for k, v in parts:
        for key, value in zip(k.double(), v.double(), strict=True):
            score = float(key @ q.double()) / math.sqrt(len(q))
            if score > best:
                factor = math.exp(best - score)
                total, mixed, best = total * factor, None if mixed is None else mixed * factor, score
            weight = math.exp(score - best)
            total, mixed = total + weight, weight * value if mixed is None else mixed + weight * value
    return (mixed / total).to(q.dtype)


@alternative(DAY, "whiteboard", "verify_draft")
def all_positions_at_once(drafted, q, p, uniforms):
    places = torch.arange(len(drafted))
    accepted = uniforms < (p[places, drafted] / q[places, drafted]).clamp(max=1)
    count = int(accepted.long().cumprod(0).sum())
    if count == len(drafted):
        return count, p[count]
    more = F.relu(p[count] - q[count])
    return count, F.normalize(more, p=1, dim=0)


@alternative(DAY, "whiteboard", "zero_bytes")
def from_a_table(parameters, ranks, stage):
    whole = {0: 16, 1: 4, 2: 2, 3: 0}
    if stage not in whole:
        raise ValueError(stage)
    return parameters * whole[stage] + parameters * (16 - whole[stage]) / ranks


IN_CHINESE = """# 我的面试笔记

## My project in two minutes

我想弄明白语言模型里到底有什么，所以从一个空文件开始，把分词器、注意力、残差块、损失函数、优化器、训练循环和断点续训都自己写了一遍。
每写完一块，先用手算的数字核对，再放进完整训练里。最后在两个处理器核心上训练了三十八分钟，验证集每个字节需要一点四六比特，
比三元词模型好。如果别人想做同样的事，我的建议是：先让模型把一个小批次背下来，再去跑长时间的训练，这样能省下好几个晚上。

## What my numbers say

RUN

每个词元的困惑度是 41.46，可是一个词平均被切成 1.40 个词元，惊讶程度是相加的，所以每个词的困惑度就变成了 184.67。
拿它去和三元词模型的 240.74 相比才有意义，因为文本相同，单位也相同。每个参数只见过不到三个词元，说明训练得太短，
而不是模型太小；两条曲线在结束时都还在下降。

### 备注

这些数字我已经能背下来了。

## A choice that I would defend

我选择了四千多个词元的小词表，而没有用五万个词元的大词表。语料只有两百万个词，大词表里的多数行几乎得不到梯度，
而且会占掉大部分参数。我用同样的预算比较过两种词表，以每字节比特数来衡量，小词表更好一点。

## Something that went wrong

有一次损失下降得太快，一百步之后就到了零点三，我高兴了半个小时，然后发现生成的句子只会重复同一个词。
我先怀疑采样代码，后来把一个批次还原成文字，才看到输入和目标是同一行。改好之后我加了一个测试，专门检查目标要比输入晚一个位置。

## With ten times the compute

先增加数据，因为按照经验法则，我的模型还缺少好几倍的词元，而现在的语料已经读了将近四遍。我会换成更大的维基语料，
再把参数扩大三倍左右。预计每字节比特数能降到一点二五附近，最先撑不住的大概是两个处理器核心和我的耐心。

## Questions that I could not answer

INTERVIEWS

第一，为什么前向也要放在不同步的上下文里？因为是否归约是在前向时就决定的，只包住反向已经太晚了。第二，
优化器状态分片以后通信量会增加吗？前两个阶段不会，因为全归约本来就由归约散射和全收集组成。第三，为什么逐个生成词元很慢？
因为每读一个权重只做两次运算，时间都花在等内存上，把多个请求放进同一批就能分摊。

## How I sounded

说得太快，而且总是先讲过程，最后才说结论。下一次先说数字，再说原因，然后停一停。另外我每句话前面都有一个口头禅，
录音里听得很清楚。
"""


@alternative(DAY, "interview.md")
def in_chinese(source):
    """Another learner's notes, with the same figures."""
    run, interviews = re.findall(r"<!-- figures: .*?<!-- end of figures -->", source, re.DOTALL)
    return IN_CHINESE.replace("RUN", run).replace("INTERVIEWS", interviews)
