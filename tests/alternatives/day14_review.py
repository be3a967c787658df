"""Other right pages of day 14: in Chinese with the questions left in place, and as lists under other headings."""

from pathlib import Path

from grader.catalogue import alternative

TEMPLATE = Path(__file__).parents[2] / "curriculum" / "day14_review" / "templates" / "fourteen_days.md"
UNIT, PAGE = "day14_review", "fourteen_days.md"


@alternative(UNIT, PAGE)
def in_chinese(text):
    answers = [
        "我做了一个会续写句子的程序：读过一部小百科，每次猜下一个词的一小段，猜了再猜。"
        "注意力、解码块、分词、训练循环都是我自己写的，"
        "只有两三处没来得及的用了课程的。在验证集上每个词的困惑度是一百八十五，测的是 WikiText-2。",
        "时间大多花在解码块上，我原来以为是分布式。第二周被指出的错误和第一周不同，说明掩码这一关真的过了。"
        "读书的时间表里没有，我自己记的大约三十小时。",
        "注意力和解码块我都重新写过一遍，第二次只跑了两回检查。训练一步里的顺序闭着眼也不会错。"
        "困惑度的三种单位我给同事讲过，"
        "他又给我讲了回来。检查点我故意杀掉过一次训练，损失接得上。",
        "解码块卡了十次，因为我一次改三处。后来每一行都写上形状，才看见头和时间两个轴被调换了。另一处是累积时少同步，"
        "结果看着对，次数却不对，原来前向也要放进去。教训是先数再看。",
        "为什么学习率用余弦而不是直线，编译器到底做了什么，多台机器那一节我只是照着清单跑通过一次。"
        "层归一化为什么有用，"
        "我现在只会背两句话。",
        "我每周老老实实只有十个小时，所以九周要么拉长，要么取舍。第一周的内容已经会了，第三周只读不做。"
        "先做第四周，用 BERT 给工作邮件分类，"
        "做出一个演示；再做第五周的翻译，柱搜索自己写；然后第七周的 LoRA。第八周等借到四张卡再说，"
        "开源贡献从现在就顺手做。",
        "周一早上七点，上班之前，打开一个空的笔记本，先把十条新闻送进分词器看看。",
    ]
    first, *parts = TEMPLATE.read_text(encoding="utf-8").split("TODO: your answer")
    return first + "".join(answer + part for answer, part in zip(answers, parts, strict=True))


@alternative(UNIT, PAGE)
def as_lists_under_other_headings(text):
    text = text.replace("\n## ", "\n#### ").replace("#### The first step\n", "#### **The first step:**\n")
    before, after = text.split("#### What I have mastered\n\n")
    return f"{before}#### What I have mastered\n\n- {after.replace('. ', '.' + chr(10) + '- ', 3)}"
