"""The floor we measure against: a bot as the two libraries' own pages show it, python-telegram-bot and openai.

It streams, shows a draft about once a second, remembers the last messages of a chat in memory, and loses everything
when it is killed. See https://docs.python-telegram-bot.org and https://github.com/openai/openai-python.
"""

import logging
import os
import time
from collections import deque
from typing import Any, cast

from openai import AsyncOpenAI
from telegram import Update
from telegram.constants import ChatAction
from telegram.ext import Application, ApplicationBuilder, ContextTypes, MessageHandler, filters

AT_ONCE = 1024
DRAFT_EVERY_S = 1.0
REMEMBERED = 20
SYSTEM = {"role": "system", "content": "You are a helpful assistant in a messenger. Answer briefly."}

model = AsyncOpenAI(base_url=os.environ["MODEL_URL"], api_key="none")


async def answer(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Stream one answer: a draft meanwhile, the message in the end."""
    message, chat = update.effective_message, update.effective_chat
    if message is None or chat is None or context.chat_data is None:
        return
    await context.bot.send_chat_action(chat.id, ChatAction.TYPING)
    history = context.chat_data.setdefault("history", deque(maxlen=REMEMBERED))
    history.append({"role": "user", "content": message.text})
    stream = await model.chat.completions.create(
        model=os.environ["MODEL"], messages=cast("Any", [SYSTEM, *history]), stream=True
    )
    text, drawn_at = "", 0.0
    async for chunk in stream:
        if not chunk.choices:
            continue
        text += chunk.choices[0].delta.content or ""
        if text.strip() and time.monotonic() - drawn_at >= DRAFT_EVERY_S:
            drawn_at = time.monotonic()
            await context.bot.send_message_draft(chat.id, message.message_id, text)
    history.append({"role": "assistant", "content": text})
    await context.bot.send_message(chat.id, text)


def application() -> "Application[Any, Any, Any, Any, Any, Any]":
    """Wire it: all updates at once, and connections enough for that."""
    builder = (
        ApplicationBuilder()
        .token(os.environ["TELEGRAM_TOKEN"])
        .base_url(f"{os.environ['TELEGRAM_URL']}/bot")
        .concurrent_updates(AT_ONCE)
        .connection_pool_size(AT_ONCE)
        .pool_timeout(60)
        .read_timeout(60)
    )
    made = builder.build()
    made.add_handler(MessageHandler(filters.TEXT & ~filters.COMMAND, answer))
    return made


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # as the library's own examples do
    application().run_polling()
