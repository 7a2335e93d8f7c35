#include "config.h"

#include "store/sqlite_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "pure/hash.h"
#include "pure/position.h"
#include "store/bell.h"
#include "store/file_lock.h"
#include "store/sqlite_row.h"

/*
 * The byte that a process locks while it writes. Others of the file are seats,
 * which are numbered from 0.
 */
#define LOCK_BYTE (1 << 20)

/* Files that change as often as this while they are examined are not normal. */
#define MOVES_MAX 8

/* A process that wakes so many others is late with its answers. */
#define CROWD 16

static const char *const sql[SQLITE_STATEMENT_COUNT] = {
	[SQLITE_BEGIN] = "BEGIN IMMEDIATE",
	[SQLITE_COMMIT] = "COMMIT",
	[SQLITE_META_READ] = SQLITE_META_SELECT,
	[SQLITE_META_WRITE] = SQLITE_META_UPDATE,
	[SQLITE_LOG_ADD] = "INSERT INTO log VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[SQLITE_TOPIC_ADD] = "INSERT OR IGNORE INTO topic VALUES (?1, ?2)",
	[SQLITE_ONCE_ADD] = "INSERT OR REPLACE INTO once VALUES (?1, ?2, ?3)",
	[SQLITE_ONCE_FIND] = "SELECT position, id FROM once WHERE key = ?1",
	[SQLITE_LOG_OLDEST] =
	    "SELECT position, topics, length(bytes) + ifnull(length(id), 0)"
	    " FROM log WHERE position > 0 ORDER BY position LIMIT 1",
	[SQLITE_LOG_DROP] = "DELETE FROM log WHERE position = ?1",
	[SQLITE_TOPIC_DROP] =
	    "DELETE FROM topic WHERE hash = ?1 AND position = ?2",
	[SQLITE_ONCE_DROP] =
	    "DELETE FROM once WHERE key IN (SELECT key FROM"
	    " (SELECT key FROM once WHERE position < ?1"
	    " ORDER BY position LIMIT ?2) UNION SELECT key FROM"
	    " (SELECT key FROM once ORDER BY position LIMIT ?3))",
};

static uint64_t
random_bits(uint64_t mask)
{
	uint64_t bits = 0;

	/* 0 stands for none everywhere. */
	while ((bits & mask) == 0) {
		if (getrandom(&bits, sizeof(bits), 0) != sizeof(bits))
			bits = hash_bytes(uv_hrtime(), &bits, sizeof(bits));
	}
	return bits & mask;
}

/* Which boot of the machine this is; times since boot compare within one. */
static int64_t
read_boot(void)
{
	char    text[64] = "";
	ssize_t len = 0;
	int     fd;

	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd != -1) {
		len = read(fd, text, sizeof(text));
		close(fd);
	}
	return (int64_t)(hash_bytes(HASH_START, text,
			     len > 0 ? (size_t)len : 0) >>
	    1);
}

void
sqlite_writer_init(struct sqlite_writer *writer, const struct files *files,
    bool is_full)
{
	memset(writer, 0, sizeof(*writer));
	writer->files = files;
	writer->is_full = is_full;
	writer->id = (int64_t)random_bits(INT64_MAX);
	writer->boot = read_boot();
	writer->lock_fd = -1;
}

static void
close_log(struct sqlite_writer *writer)
{
	sqlite_db_close(&writer->db);
	memset(writer->statements, 0, sizeof(writer->statements));
}

void
sqlite_writer_deinit(struct sqlite_writer *writer)
{
	close_log(writer);
	bell_close(writer->bell);
	if (writer->lock_fd != -1)
		close(writer->lock_fd);
}

static enum sqlite_fault
fault_of_errno(struct sqlite_batch *batch, const char *path)
{
	snprintf(batch->why, sizeof(batch->why), "%s: %s", path,
	    strerror(errno));
	switch (errno) {
	case ENOSPC:
	case EDQUOT:
		return SQLITE_FAULT_FULL;
	case EACCES:
	case EROFS:
	case EPERM:
	case ENOENT: /* the folder */
		return SQLITE_FAULT_READ_ONLY;
	case ELOOP:
	case EINVAL:
		return SQLITE_FAULT_FOREIGN;
	default:
		return SQLITE_FAULT_IO;
	}
}

/* Whether the open lock file is still the one of that name. */
static bool
is_named(const struct sqlite_writer *writer, const char *path)
{
	struct stat named;

	return lstat(path, &named) == 0 &&
	    named.st_dev == writer->lock.st_dev &&
	    named.st_ino == writer->lock.st_ino;
}

static int
open_lock(struct sqlite_writer *writer, const char *path)
{
	writer->lock_fd = files_open_private(path, true);
	return writer->lock_fd == -1 ? -1 :
				       fstat(writer->lock_fd, &writer->lock);
}

/* look: of the folder, once the lock is held. */
static enum sqlite_fault
take_lock(struct sqlite_writer *writer, struct sqlite_batch *batch,
    struct files_look *look)
{
	const char *path = writer->files->paths[FILES_LOCK];

	for (int i = 0; i < MOVES_MAX; i++) {
		if (writer->lock_fd == -1 && open_lock(writer, path) == -1)
			return fault_of_errno(batch, path);
		if (file_lock_take(writer->lock_fd, LOCK_BYTE,
			batch->lock_timeout_ms) == -1) {
			if (errno == ETIMEDOUT)
				return SQLITE_FAULT_LOCK;
			return fault_of_errno(batch, path);
		}
		files_look(writer->files, look);
		if (files_have_stayed(&writer->look, look) ||
		    is_named(writer, path))
			return SQLITE_FAULT_NONE;
		/*
		 * That lock does not bar a process that opens the file by name.
		 */
		close(writer->lock_fd);
		writer->lock_fd = -1;
	}
	return SQLITE_FAULT_MOVED;
}

static enum sqlite_fault
open_bell(struct sqlite_writer *writer, struct sqlite_batch *batch)
{
	const char *path = writer->files->paths[FILES_BELL];

	if (writer->bell != NULL)
		return SQLITE_FAULT_NONE;
	writer->bell = bell_open(path, true);
	if (writer->bell == NULL && errno == EINVAL) {
		/* The file was truncated. */
		unlink(path);
		writer->bell = bell_open(path, true);
	}
	return writer->bell == NULL ? fault_of_errno(batch, path) :
				      SQLITE_FAULT_NONE;
}

static int
note_pages(void *arg, sqlite3 *handle, const char *name, int page_count)
{
	struct sqlite_writer *writer = arg;

	(void)handle;
	(void)name;
	writer->wal_pages = page_count;
	return SQLITE_OK;
}

/*
 * Makes sure that the connection works: in WAL mode some file systems fail
 * with the first row only.
 */
static enum sqlite_fault
prepare(struct sqlite_writer *writer, struct sqlite_batch *batch)
{
	struct sqlite_db *db = &writer->db;
	enum sqlite_fault fault = SQLITE_FAULT_NONE;
	int               has_moved = 0;

	sqlite3_wal_hook(db->handle, note_pages, writer);
	writer->wal_pages_due = 0;
	for (int i = 0;
	     i < SQLITE_STATEMENT_COUNT && fault == SQLITE_FAULT_NONE; i++)
		fault = sqlite_db_prepare(db, sql[i], &writer->statements[i]);
	if (fault == SQLITE_FAULT_NONE)
		fault = sqlite_db_read_meta(db,
		    writer->statements[SQLITE_META_READ], &batch->meta);
	if (fault == SQLITE_FAULT_NONE && !batch->is_lean)
		fault = sqlite_db_exec(db, "UPDATE meta SET tag = tag");
	if (fault != SQLITE_FAULT_NONE)
		return fault;
	files_identify(writer->files, &writer->identity);
	sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_HAS_MOVED,
	    &has_moved);
	return has_moved ? SQLITE_FAULT_MOVED : SQLITE_FAULT_NONE;
}

static enum sqlite_fault
make_log(struct sqlite_writer *writer, struct sqlite_batch *batch)
{
	uint64_t tag = writer->last_tag;

	if (tag == 0)
		tag = batch->tag & POSITION_TAG_MASK;
	if (tag == 0)
		tag = random_bits(POSITION_TAG_MASK);
	return sqlite_db_create(writer->files, tag, batch->known);
}

static enum sqlite_fault
set_aside(struct sqlite_writer *writer, struct sqlite_batch *batch)
{
	sqlite_db_explain(&writer->db, batch->why, sizeof(batch->why));
	close_log(writer);
	batch->is_lost = true;
	if (files_set_aside(writer->files, batch->lost_to,
		sizeof(batch->lost_to)) == 0)
		return SQLITE_FAULT_NONE;
	return fault_of_errno(batch, writer->files->paths[FILES_DATABASE]);
}

static enum sqlite_fault
open_once(struct sqlite_writer *writer, struct sqlite_batch *batch)
{
	struct stat       status;
	enum sqlite_fault fault = SQLITE_FAULT_NONE;

	if (files_check(writer->files, batch->why, sizeof(batch->why)) == -1)
		return SQLITE_FAULT_READ_ONLY;
	if (stat(writer->files->paths[FILES_DATABASE], &status) == -1 ||
	    status.st_size == 0) {
		if (writer->last_tag != 0 && !batch->is_lost &&
		    !writer->is_loss_told) {
			batch->is_lost = true;
			snprintf(batch->why, sizeof(batch->why),
			    "the file was deleted");
		}
		fault = make_log(writer, batch);
	}
	if (fault == SQLITE_FAULT_NONE)
		fault = sqlite_db_open(&writer->db, writer->files,
		    writer->is_full);
	if (fault == SQLITE_FAULT_NONE)
		fault = prepare(writer, batch);
	return fault;
}

/* The names of the files lead to what is open then. */
static enum sqlite_fault
open_log(struct sqlite_writer *writer, struct sqlite_batch *batch)
{
	enum sqlite_fault fault;

	fault = open_bell(writer, batch);
	if (fault != SQLITE_FAULT_NONE)
		return fault;
	fault = open_once(writer, batch);
	if (fault == SQLITE_FAULT_CORRUPT) {
		fault = set_aside(writer, batch);
		if (fault == SQLITE_FAULT_NONE)
			fault = open_once(writer, batch);
	}
	if (fault != SQLITE_FAULT_NONE) {
		if (batch->why[0] == '\0')
			sqlite_db_explain(&writer->db, batch->why,
			    sizeof(batch->why));
		close_log(writer);
		/* Who has the right files open may be able to mend it. */
		if (fault == SQLITE_FAULT_IO)
			bell_ring_all(writer->bell);
		return fault;
	}
	batch->is_opened = true;
	batch->is_lost |= writer->last_tag != 0 &&
	    (writer->last_tag != batch->meta.tag ||
		batch->meta.newest < batch->known);
	writer->last_tag = batch->meta.tag;
	writer->is_loss_told = false;
	return SQLITE_FAULT_NONE;
}

/*
 * The WAL was deleted, but no process has begun another: this process has it
 * open, and can still put all of it into the database. The shm describes the
 * old WAL, so the next process that opens the database must not see it.
 */
static bool
save_wal(struct sqlite_writer *writer, const struct files_identity *now)
{
	const struct files_identity *was = &writer->identity;
	struct stat                  status;

	for (int i = 0; i <= FILES_SHM; i++) {
		if (i != FILES_WAL && now->inodes[i] != was->inodes[i])
			return false;
	}
	if (stat(writer->files->paths[FILES_WAL], &status) == 0 &&
	    status.st_size > 0)
		return false;
	if (sqlite3_wal_checkpoint_v2(writer->db.handle, "main",
		SQLITE_CHECKPOINT_FULL, NULL, NULL) != SQLITE_OK)
		return false;
	files_remove_rest(writer->files);
	return true;
}

/* Some of the files are others than those that are open. */
static void
follow_files(struct sqlite_writer *writer, struct sqlite_batch *batch,
    const struct files_identity *now)
{
	const struct files_identity *was = &writer->identity;

	if (now->inodes[FILES_DATABASE] != was->inodes[FILES_DATABASE] ||
	    now->devices[FILES_DATABASE] != was->devices[FILES_DATABASE]) {
		snprintf(batch->why, sizeof(batch->why),
		    "the file was deleted or replaced");
		batch->is_lost = true;
		/* Of the old database: SQLite would put it into the new. */
		if (now->inodes[FILES_WAL] == was->inodes[FILES_WAL])
			files_remove_rest(writer->files);
	} else if (now->inodes[FILES_WAL] != was->inodes[FILES_WAL] &&
	    !save_wal(writer, now)) {
		snprintf(batch->why, sizeof(batch->why),
		    "the -wal file was deleted or replaced");
	}
	close_log(writer);
	/* All who wait here are to look at the files. */
	bell_ring_all(writer->bell);
	bell_close(writer->bell);
	writer->bell = NULL;
}

static enum sqlite_fault
ensure_open(struct sqlite_writer *writer, struct sqlite_batch *batch,
    const struct files_look *look)
{
	struct files_identity now;
	struct stat           status;
	enum sqlite_fault     fault = SQLITE_FAULT_NONE;
	bool                  is_cut;

	if (writer->db.handle != NULL && !batch->is_suspect &&
	    files_have_stayed(&writer->look, look) &&
	    bell_is_whole(writer->bell))
		return SQLITE_FAULT_NONE;
	memset(&writer->look, 0, sizeof(writer->look));
	files_identify(writer->files, &now);
	if (writer->db.handle != NULL) {
		is_cut = lstat(writer->files->paths[FILES_BELL], &status) ==
			-1 ||
		    !bell_is_file(writer->bell, &status);
		if (is_cut || !files_are_same(&now, &writer->identity))
			follow_files(writer, batch, &now);
	}
	if (batch->is_suspect && now.inodes[FILES_DATABASE] != 0 &&
	    now.inodes[FILES_DATABASE] == batch->suspect.inodes[FILES_DATABASE])
		fault = set_aside(writer, batch);
	if (fault == SQLITE_FAULT_NONE && writer->db.handle == NULL)
		fault = open_log(writer, batch);
	if (fault == SQLITE_FAULT_NONE)
		writer->look = *look;
	return fault;
}

/* A database that turns out to be damaged is set aside, once. */
static enum sqlite_fault
append(struct sqlite_writer *writer, struct sqlite_batch *batch)
{
	enum sqlite_fault fault;

	fault = sqlite_append_all(writer, batch);
	if (fault != SQLITE_FAULT_CORRUPT)
		return fault;
	fault = set_aside(writer, batch);
	if (fault == SQLITE_FAULT_NONE)
		fault = open_log(writer, batch);
	if (fault == SQLITE_FAULT_NONE)
		fault = sqlite_append_all(writer, batch);
	return fault;
}

static enum sqlite_fault
write_batch(struct sqlite_writer *writer, struct sqlite_batch *batch,
    const struct files_look *look, const struct bell_words *words)
{
	enum sqlite_fault fault, trim_fault;
	bool              has_appends = !list_is_empty(&batch->appends);

	fault = ensure_open(writer, batch, look);
	if (fault != SQLITE_FAULT_NONE)
		return fault;
	if (has_appends)
		batch->word_before = bell_begin(writer->bell, words);
	if (has_appends || batch->is_probe || batch->has_limits)
		fault = append(writer, batch);
	/* A log that was set aside may have changed the bell as well. */
	if (has_appends && writer->bell != NULL)
		batch->word_after = bell_end(writer->bell, words);
	if (fault != SQLITE_FAULT_NONE)
		return fault;
	trim_fault = sqlite_trim(writer, batch);
	if (trim_fault == SQLITE_FAULT_NONE)
		trim_fault = sqlite_checkpoint(writer);
	/* It was kept whatever became of this; the next batch meets it too. */
	if (trim_fault == SQLITE_FAULT_CORRUPT) {
		if (set_aside(writer, batch) == SQLITE_FAULT_NONE)
			open_log(writer, batch);
	} else if (trim_fault != SQLITE_FAULT_NONE)
		sqlite_db_explain(&writer->db, batch->why, sizeof(batch->why));
	batch->trim_fault = trim_fault;
	return SQLITE_FAULT_NONE;
}

void
sqlite_writer_run(struct sqlite_writer *writer, struct sqlite_batch *batch)
{
	struct bell_words words;
	struct files_look look;
	bool              is_locked, has_appends;

	has_appends = !list_is_empty(&batch->appends);
	bell_words_clear(&words);
	list_for_each (node, &batch->appends) {
		const struct update *update =
		    &list_entry(node, struct sqlite_append, node)->row->update;

		for (size_t i = 0; i < update->topic_count; i++)
			bell_words_add(&words, update->topics[i]);
	}
	batch->fault = take_lock(writer, batch, &look);
	is_locked = batch->fault == SQLITE_FAULT_NONE;
	atomic_store(&batch->phase, SQLITE_PHASE_WRITING);
	if (is_locked) {
		batch->fault = write_batch(writer, batch, &look, &words);
		if (batch->fault != SQLITE_FAULT_NONE &&
		    writer->db.handle != NULL && batch->why[0] == '\0')
			sqlite_db_explain(&writer->db, batch->why,
			    sizeof(batch->why));
		file_lock_release(writer->lock_fd, LOCK_BYTE);
	}
	if (batch->fault != SQLITE_FAULT_NONE) {
		sqlite_writer_refuse(batch, batch->fault);
		writer->is_loss_told |= batch->is_lost;
	}
	/* From here on the appends are the loop's. */
	atomic_store(&batch->phase, SQLITE_PHASE_COMMITTED);
	if (!has_appends || !is_locked || writer->bell == NULL)
		return;
	if (writer->is_crowded)
		batch->on_committed(batch->arg);
	writer->is_crowded = bell_ring(writer->bell, &words) > CROWD;
}
