"""Right answers of day 12, written another way."""

import re
from itertools import accumulate

from grader.catalogue import alternative
from grader.commands import commands_of, digest_of
from solutions.day12_report import tidy_up

DAY = "day12_report"


@alternative(DAY, "tidy_up", "read_log")
def with_a_regular_expression(lines):
    records, unreadable = [], []
    for line in map(str.strip, lines):
        fields = dict(re.findall(r"(?:^|\s)([^=\s]+)=(\S*)", line))
        if line == "" or line[0] == "#":
            continue
        try:
            records.append(tidy_up.Record(int(fields["step"]), float(fields["loss"]), int(fields["tokens"])))
        except (LookupError, ValueError):
            unreadable.append(line)
    return records, unreadable


@alternative(DAY, "tidy_up", "best")
def with_sorted(records):
    """Sorting is stable, so the first of equals stays first."""
    try:
        return sorted(records, key=lambda record: record.loss)[0]
    except IndexError:
        raise ValueError("no record") from None


@alternative(DAY, "tidy_up", "smoothed")
def with_running_sums(losses, window):
    sums = [0.0, *accumulate(losses)]
    return [(sums[n] - sums[max(0, n - window)]) / min(n, window) for n in range(1, len(sums))]


@alternative(DAY, "tidy_up", "typical")
def with_a_sorted_copy(losses):
    ranked, half = sorted(losses), len(losses) // 2
    return ranked[half] if len(losses) % 2 else (ranked[half - 1] + ranked[half]) / 2


PLACE = re.compile(r"<!-- figures: .*?<!-- end of figures -->", re.DOTALL)


def with_figures(text, source):
    """The text, whose lines FIGURES are replaced by the model answer's figures, in order."""
    for place in PLACE.findall(source):
        text = text.replace("FIGURES", place, 1)
    return text


REPORT = """# 我的项目报告

## Goal

我想从零写出一个语言模型，里面没有任何看不懂的黑箱，并且想知道：在笔记本电脑上训练不到一小时，它能不能胜过单纯的统计。
评价标准是维基文本验证集上每个词的困惑度，因为词不依赖分词器。它说明模型对别人写的句子预测得多准，
但不能说明它自己写得好不好。

## Architecture

FIGURES

每个编号先取出一行词向量，加上位置向量，再依次经过四个残差块：注意力负责回看前文，前馈网络负责单独加工，
两者的结果都加回主干。
最后归一化，与所有词向量比较，得到下一个词元的概率。将近一半的参数在前馈网络里，四分之一在词表里。

## Training

FIGURES

学习率是我用九次短训练按对数刻度搜索出来的，宽度和深度由四十分钟的预算决定，其余的参数沿用别人的小模型配置。
要重复这次训练，只需要命令、随机种子和同一份文本，文本和分词器的摘要都写在记录里。

## Curves

FIGURES

第一步的损失比八略高，正好接近词表大小的对数。前七百万个词元里，验证损失并不比训练损失差；之后出现了零点一五的差距，
每当重新读一遍文本，训练损失就往下掉一截，说明开始有一点死记硬背。

## Results

FIGURES

在验证集上，模型每个字节需要一点四六比特，换算成每个词的困惑度是一百八十五，比平滑过的三元词模型好四分之一奈特，
说明它学到的不只是计数。目标是一百一十七，还差将近半个奈特，没有达到。每个词元的困惑度看起来低于五十五，
但单位不同，不能这样比较。

## Samples

FIGURES

文章的样子已经有了：标题、括号里的年份、位置合理的逗号。但是它记不住自己在说什么，电影这个词反复出现，却没有新的内容；
有些词是由碎片拼起来的，字典里根本没有。

## Problems, and how they were solved

第一个问题：损失几分钟内就降到零点三。我先怀疑学习率，后来把一个批次还原成文字，发现输入和目标是同一行，
切片的起点写错了。
现在有一个测试检查目标要晚一个位置，第一步的损失如果离对数太远，训练就会停下来。
第二个问题：断点续训之后曲线上有一个台阶。
权重没有错，于是我比较下一个批次，发现又从头读起了，原来数据的位置没有保存。补上之后，反复杀掉九次，
损失和不中断的训练完全一样。

## What I would do next

第一步，把训练步数增加到三倍，大约两小时，预计能到每字节一点三八比特；如果提高不到零点零三，就说明模型太小。
第二步，加上百分之十的随机失活，从第五遍开始应该能缩小两条曲线的差距。第三步，换成旋转位置编码，
如果看不到提升，多半是我自己写错了。
"""


@alternative(DAY, "report.md")
def report_in_chinese(source):
    return with_figures(REPORT, source)


READ_ME = """# 从空文件开始的语言模型

一个人用两周写出来、检查过、训练好的小模型。

## What this is

这是一个只有解码器的变换器模型，结构和 GPT-2 一样，只是小得多，连同分词器、
训练程序和文本生成一起放在这里。模型、损失函数、
学习率调度、断点续训和采样都是我一个文件一个文件写的，数据读取和命令行来自所学的课程。它适合用来学习，不是聊天机器人。

## Results

FIGURES

可以和别人比较的是每个词的困惑度和每个字节的比特数，但只限于这个版本的文本。

## Install

```console
$ git clone https://github.com/someone/gpt.git && cd gpt
$ python3 -m venv .venv
$ . .venv/bin/activate
$ pip install -e .
```

## Train

```bash
python -m capstone.train --preset wikitext2-cpu \\
    --name mine
```

## How to generate text

```sh
# anything may stand here
python -m capstone.generate mine --prompt "The river"
```

## Where to find what

先看第三天的模型文件，两个屏幕就能读完；然后看笔记里的报告，里面有结果和遇到的问题。评分程序和参考答案属于课程。

## Tried

FIGURES
"""


@alternative(DAY, "README.md")
def readme_in_chinese(source):
    """Other blocks, && and a prompt: tried anew, as its digest says."""
    text = with_figures(READ_ME, source)
    return re.sub("Commands [0-9a-f]{12}", f"Commands {digest_of(commands_of(text))}", text)


TWO_WEEKS = """# 两周总结

FIGURES

## What I can do now

- 在纸上写出带因果掩码的多头注意力，并说出每一行的形状，见 block.py。
- 训练开始之前，就能把显存用量预测到误差百分之五以内，见第九天的运行记录。
- 训练被强行终止以后接着训练，损失一位不差，我连续杀掉过九次。
- 让两个进程得到和一个进程完全相同的权重，并且知道最容易犯的三个错误。
- 给出困惑度的时候，同时说明单位、文本和窗口步长，少一样就不比较。
- 用剖析工具找到最耗时的运算，而不是靠猜。

## What I understood late

我一直以为因果掩码是生成时用的，防止模型偷看。后来那个修改靠后的词元、再看前面输出的测试让我明白，事情正好相反：
生成的时候后面本来就什么都没有，训练时才需要掩码，它把一段文字变成了一千道题。

## What I cannot do yet

我还说不清楚两台机器上的训练为什么比网络带宽允许的还要慢，因为我只在一台笔记本上模拟过两个节点。
显卡上的时间线我也看不懂，
尤其是内核之间的空隙。换一个宽度以后，不搜索就选不出合适的学习率；等我能提前说中最佳学习率，才算会了。

## How I worked

环形归约的一个检查我试了七次，全在同一个晚上，而答案就写在我没有打开的提示里。到了采样那天，我五分钟就看了第三条提示，
结果现在还是说不清为什么越过阈值的那个词元要留下。下次先画图，再想二十分钟，然后只看一条提示。

## What comes next

先从双向编码器的掩码语言模型开始，因为下一阶段是微调别人的预训练模型。我缺一块显卡，打算每天租一个小时；
还要习惯别人的分词器，
里面有很多特殊词元。两周以后，我的主页上会有一个新闻分类器，附上三种学习率的对比表和混淆矩阵。
"""


@alternative(DAY, "two_weeks.md")
def two_weeks_in_chinese(source):
    return with_figures(TWO_WEEKS, source)
