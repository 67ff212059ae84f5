// SPDX-License-Identifier: Apache-2.0
/* Questions of the kernel: answered at once, or by the agent, or by the clock. */
#include <inttypes.h>
#include <string.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include "gate.h"

#define KEY_FORMAT "%" PRIx64 ":%" PRIx64 ":%" PRId64 ".%09" PRId64
#define KEY_FIELDS(key) (key).device, (key).inode, (key).ctime_s, (key).ctime_ns
#define EVENTS_BYTES 8192

static struct question {
	uint64_t id; /* 0: free */
	int64_t since_ms;
	struct key key;
	struct asker asker;
	int file;
	bool answered; /* by the clock; the agent's answer may still be kept */
} questions[QUESTIONS_MAX];
static uint64_t last_id;

static void respond(const struct gate *gate, int file, bool allow)
{
	struct fanotify_response response = {
		.fd = file,
		.response = allow ? FAN_ALLOW : FAN_DENY,
	};

	/* Fails only when the asker was killed meanwhile. */
	if (write(gate->events, &response, sizeof(response)) < 0)
		return;
}

static void tell_denied(const struct asker *asker, const struct key *key)
{
	tell("denied %d %u %d " KEY_FORMAT " 1\n", asker->pid, asker->uid,
	     asker->ppid, KEY_FIELDS(*key));
}

static void expire(struct gate *gate, int file, const struct asker *asker,
		   const struct key *key)
{
	respond(gate, file, gate->fail_open);
	tell("expired %d %u %d " KEY_FORMAT " %s\n", asker->pid, asker->uid,
	     asker->ppid, KEY_FIELDS(*key), gate->fail_open ? "allow" : "deny");
}

static struct question *free_question(void)
{
	for (int i = 0; i < QUESTIONS_MAX; i++)
		if (!questions[i].id)
			return &questions[i];
	return NULL;
}

/* True when the question stays open, and with it the file. */
static bool ask(struct gate *gate, int file, const struct asker *asker,
		const struct key *key)
{
	struct question *question = free_question();

	if (gate->stalled || !question ||
	    !tell("ask %" PRIu64 " %d %u %d %d " KEY_FORMAT "\n", last_id + 1,
		  asker->pid, asker->uid, asker->ppid, file,
		  KEY_FIELDS(*key))) {
		expire(gate, file, asker, key);
		return false;
	}
	*question = (struct question){
		.id = ++last_id,
		.since_ms = now_ms(),
		.key = *key,
		.asker = *asker,
		.file = file,
	};
	return true;
}

static bool take_event(struct gate *gate, int file, pid_t pid)
{
	struct asker asker;
	struct stat info;
	struct key key;

	if (fstat(file, &info) || !find_asker(gate, pid, &asker)) {
		respond(gate, file, true);
		return false;
	}
	key = key_of(&info);
	switch (find_verdict(&key)) {
	case ALLOW:
		respond(gate, file, true);
		return false;
	case DENY:
		respond(gate, file, false);
		tell_denied(&asker, &key);
		return false;
	default:
		return ask(gate, file, &asker, &key);
	}
}

void read_events(struct gate *gate)
{
	char buffer[EVENTS_BYTES] __attribute__((aligned(8)));
	ssize_t bytes = read(gate->events, buffer, sizeof(buffer));
	struct fanotify_event_metadata *event = (void *)buffer;

	for (; FAN_EVENT_OK(event, bytes); event = FAN_EVENT_NEXT(event, bytes))
		if (event->fd >= 0 && !take_event(gate, event->fd, event->pid))
			close(event->fd);
}

static void release(struct question *question)
{
	close(question->file);
	question->id = 0;
}

/*
 * What is kept was looked at whole: the file is what it was when the kernel
 * asked. The order matters: a write after the mark takes the mark away again.
 */
static void keep_answer(const struct gate *gate, const struct question *question,
			enum verdict verdict)
{
	bool ignored = verdict == ALLOW && ignore_file(gate, question->file);
	struct stat info;
	struct key now = {};

	if (!fstat(question->file, &info))
		now = key_of(&info);
	if (same_key(&now, &question->key))
		keep_verdict(&now, verdict);
	else if (ignored)
		unignore_file(gate, question->file);
}

void take_answer(struct gate *gate, uint64_t id, enum verdict verdict, bool keep)
{
	gate->stalled = false;
	for (int i = 0; i < QUESTIONS_MAX; i++) {
		struct question *question = &questions[i];

		if (!id || question->id != id)
			continue;
		if (keep)
			keep_answer(gate, question, verdict);
		if (!question->answered) {
			respond(gate, question->file, verdict == ALLOW);
			if (verdict == DENY)
				tell_denied(&question->asker, &question->key);
		}
		release(question);
	}
}

void expire_questions(struct gate *gate)
{
	int64_t now = now_ms();

	for (int i = 0; i < QUESTIONS_MAX; i++) {
		struct question *question = &questions[i];

		if (!question->id || now - question->since_ms < ANSWER_MS_MAX)
			continue;
		if (!question->answered) {
			question->answered = true;
			gate->stalled = true;
			expire(gate, question->file, &question->asker,
			       &question->key);
		}
		if (now - question->since_ms >= LATE_MS_MAX)
			release(question);
	}
}

int ms_until_expiry(void)
{
	int64_t next = -1, now = now_ms();

	for (int i = 0; i < QUESTIONS_MAX; i++) {
		const struct question *question = &questions[i];
		int64_t at = question->since_ms +
			     (question->answered ? LATE_MS_MAX : ANSWER_MS_MAX);

		if (question->id && (next < 0 || at < next))
			next = at;
	}
	return next < 0 ? -1 : next > now ? (int)(next - now) : 0;
}
