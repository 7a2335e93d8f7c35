#ifndef TESTS_UNIT_VFS_SHIM_H
#define TESTS_UNIT_VFS_SHIM_H

#include <sqlite3.h>

/* A file of the shim. The file that SQLite itself would have stands behind. */
struct vfs_shim_file {
	sqlite3_file  base;
	void         *arg; /* the test's, by its open */
	sqlite3_file *real;
};

/* What a test puts between SQLite and its files. */
struct vfs_shim {
	const char *name;

	/* A copy of vfs_shim_methods, with some of them replaced. */
	const sqlite3_io_methods *methods;

	/* Called first; another value than SQLITE_OK is what opening gives. */
	int (*open)(struct vfs_shim_file *, const char *name);
};

/* Methods that pass each call on to the file behind. */
extern const sqlite3_io_methods vfs_shim_methods;

/* Has SQLite open all files by the shim, which stays where it is. */
void vfs_shim_install(const struct vfs_shim *);

struct vfs_shim_file *vfs_shim_of(sqlite3_file *);
sqlite3_file         *vfs_shim_real(sqlite3_file *);

#endif
