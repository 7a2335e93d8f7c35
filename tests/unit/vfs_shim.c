#include "vfs_shim.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static const struct vfs_shim *shim;

/* What the shim stands before. */
static sqlite3_vfs *real;

struct vfs_shim_file *
vfs_shim_of(sqlite3_file *file)
{
	return (struct vfs_shim_file *)(void *)file;
}

sqlite3_file *
vfs_shim_real(sqlite3_file *file)
{
	return vfs_shim_of(file)->real;
}

static int
pass_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 at)
{
	return vfs_shim_real(file)->pMethods->xWrite(vfs_shim_real(file), bytes,
	    count, at);
}

static int
pass_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	return vfs_shim_real(file)->pMethods->xTruncate(vfs_shim_real(file),
	    size);
}

static int
pass_sync(sqlite3_file *file, int flags)
{
	return vfs_shim_real(file)->pMethods->xSync(vfs_shim_real(file), flags);
}

static int
pass_close(sqlite3_file *file)
{
	return vfs_shim_real(file)->pMethods->xClose(vfs_shim_real(file));
}

static int
pass_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 at)
{
	return vfs_shim_real(file)->pMethods->xRead(vfs_shim_real(file), bytes,
	    count, at);
}

static int
pass_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return vfs_shim_real(file)->pMethods->xFileSize(vfs_shim_real(file),
	    size);
}

static int
pass_lock(sqlite3_file *file, int level)
{
	return vfs_shim_real(file)->pMethods->xLock(vfs_shim_real(file), level);
}

static int
pass_unlock(sqlite3_file *file, int level)
{
	return vfs_shim_real(file)->pMethods->xUnlock(vfs_shim_real(file),
	    level);
}

static int
pass_reserved(sqlite3_file *file, int *is_reserved)
{
	return vfs_shim_real(file)
	    ->pMethods->xCheckReservedLock(vfs_shim_real(file), is_reserved);
}

static int
pass_control(sqlite3_file *file, int op, void *arg)
{
	return vfs_shim_real(file)->pMethods->xFileControl(vfs_shim_real(file),
	    op, arg);
}

static int
pass_sector(sqlite3_file *file)
{
	return vfs_shim_real(file)->pMethods->xSectorSize(vfs_shim_real(file));
}

static int
pass_traits(sqlite3_file *file)
{
	return vfs_shim_real(file)
	    ->pMethods->xDeviceCharacteristics(vfs_shim_real(file));
}

static int
pass_shm_map(sqlite3_file *file, int page, int size, int extend,
    void volatile **map)
{
	return vfs_shim_real(file)->pMethods->xShmMap(vfs_shim_real(file), page,
	    size, extend, map);
}

static int
pass_shm_lock(sqlite3_file *file, int at, int count, int flags)
{
	return vfs_shim_real(file)->pMethods->xShmLock(vfs_shim_real(file), at,
	    count, flags);
}

static void
pass_shm_barrier(sqlite3_file *file)
{
	vfs_shim_real(file)->pMethods->xShmBarrier(vfs_shim_real(file));
}

static int
pass_shm_unmap(sqlite3_file *file, int is_deleted)
{
	return vfs_shim_real(file)->pMethods->xShmUnmap(vfs_shim_real(file),
	    is_deleted);
}

const sqlite3_io_methods vfs_shim_methods = {
	.iVersion = 2,
	.xClose = pass_close,
	.xRead = pass_read,
	.xWrite = pass_write,
	.xTruncate = pass_truncate,
	.xSync = pass_sync,
	.xFileSize = pass_size,
	.xLock = pass_lock,
	.xUnlock = pass_unlock,
	.xCheckReservedLock = pass_reserved,
	.xFileControl = pass_control,
	.xSectorSize = pass_sector,
	.xDeviceCharacteristics = pass_traits,
	.xShmMap = pass_shm_map,
	.xShmLock = pass_shm_lock,
	.xShmBarrier = pass_shm_barrier,
	.xShmUnmap = pass_shm_unmap,
};

static int
open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
    int *out_flags)
{
	struct vfs_shim_file *file = vfs_shim_of(base);
	int                   code;

	(void)vfs;
	file->base.pMethods = NULL;
	file->arg = NULL;
	file->real = (sqlite3_file *)(void *)(file + 1);
	code = shim->open(file, name);
	if (code != SQLITE_OK)
		return code;
	code = real->xOpen(real, name, file->real, flags, out_flags);
	if (file->real->pMethods != NULL)
		file->base.pMethods = shim->methods;
	return code;
}

void
vfs_shim_install(const struct vfs_shim *wanted)
{
	static sqlite3_vfs vfs;

	shim = wanted;
	real = sqlite3_vfs_find(NULL);
	vfs = *real;
	vfs.zName = shim->name;
	vfs.szOsFile = (int)sizeof(struct vfs_shim_file) + real->szOsFile;
	vfs.xOpen = open_file;
	vfs.pNext = NULL;
	assert_int_equal(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}
