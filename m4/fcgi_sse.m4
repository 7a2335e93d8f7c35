# FCGI_SSE_CFLAG(FLAGS, [IF-ACCEPTED], [IF-REFUSED])
# Adds the flags to FCGI_SSE_CFLAGS when a program compiles and links with
# them and with those that were accepted before.
AC_DEFUN([FCGI_SSE_CFLAG], [
	fcgi_sse_save_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS $FCGI_SSE_CFLAGS $1 -Werror"
	AC_MSG_CHECKING([whether $CC takes $1])
	AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [
		AC_MSG_RESULT([yes])
		FCGI_SSE_CFLAGS="$FCGI_SSE_CFLAGS $1"
		CFLAGS=$fcgi_sse_save_CFLAGS
		$2], [
		AC_MSG_RESULT([no])
		CFLAGS=$fcgi_sse_save_CFLAGS
		$3])
])

# FCGI_SSE_LDFLAG(FLAG)
# Adds the flag to FCGI_SSE_LDFLAGS when a program links with it.
AC_DEFUN([FCGI_SSE_LDFLAG], [
	fcgi_sse_save_CFLAGS=$CFLAGS
	fcgi_sse_save_LDFLAGS=$LDFLAGS
	CFLAGS="$CFLAGS $FCGI_SSE_CFLAGS -Werror"
	LDFLAGS="$LDFLAGS $FCGI_SSE_LDFLAGS $1"
	AC_MSG_CHECKING([whether the linker takes $1])
	AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [
		AC_MSG_RESULT([yes])
		FCGI_SSE_LDFLAGS="$FCGI_SSE_LDFLAGS $1"], [
		AC_MSG_RESULT([no])])
	CFLAGS=$fcgi_sse_save_CFLAGS
	LDFLAGS=$fcgi_sse_save_LDFLAGS
])

# FCGI_SSE_LIBFCGI
# Sets FCGI_CFLAGS and FCGI_LIBS, and refuses a libfcgi whose ReadParams can
# overflow (CVE-2025-23016). Upstream mended it in 2.4.5, distributions in
# packages that still call themselves 2.4.2.
AC_DEFUN([FCGI_SSE_LIBFCGI], [
	AC_ARG_ENABLE([fcgi-version-check],
	    [AS_HELP_STRING([--disable-fcgi-version-check],
	    [build with any libfcgi (one without the fix for CVE-2025-23016
	    lets a client of the socket write to memory)])])
	PKG_CHECK_MODULES([FCGI], [fcgi], [], [
		fcgi_sse_save_LIBS=$LIBS
		AC_CHECK_HEADER([fcgiapp.h], [], [fcgi_sse_fcgi=no])
		AC_CHECK_LIB([fcgi], [FCGX_InitRequest], [FCGI_LIBS=-lfcgi],
		    [fcgi_sse_fcgi=no])
		LIBS=$fcgi_sse_save_LIBS
		AS_IF([test "x$fcgi_sse_fcgi" = xno], [AC_MSG_ERROR([
libfcgi is missing (Debian: libfcgi-dev)])])
	])
	AS_IF([test "x$enable_fcgi_version_check" != xno],
	    [_FCGI_SSE_LIBFCGI_VERSION])
])

AC_DEFUN([_FCGI_SSE_LIBFCGI_VERSION], [
	AC_MSG_CHECKING([whether libfcgi has the fix for CVE-2025-23016])
	fcgi_sse_version=`$PKG_CONFIG --modversion fcgi 2>/dev/null`
	fcgi_sse_prefix=`$PKG_CONFIG --variable=prefix fcgi 2>/dev/null`
	AS_IF([test "x$fcgi_sse_prefix" = x/usr && fcgi_sse_package=`
	    dpkg-query -W -f '${Version}' libfcgi-dev 2>/dev/null`],
	    [fcgi_sse_version=$fcgi_sse_package])
	fcgi_sse_changes=/usr/share/doc/libfcgi-dev/changelog.Debian.gz
	AS_CASE([$fcgi_sse_version],
	    [2.4.2-*+deb11u@<:@1-9@:>@*|2.4.2-*+deb12u@<:@1-9@:>@*],
	    [fcgi_sse_fixed=yes],
	    [*-*], [AS_IF([gzip -cd $fcgi_sse_changes 2>/dev/null |
		grep CVE-2025-23016 >/dev/null], [fcgi_sse_fixed=yes])])
	AS_VERSION_COMPARE([$fcgi_sse_version], [2.4.5], [], [fcgi_sse_fixed=yes],
	    [fcgi_sse_fixed=yes])
	AS_IF([test -z "$fcgi_sse_version"], [AC_MSG_RESULT([cannot be told])
		AC_MSG_WARN([make sure that libfcgi is 2.4.5 or later])],
	    [test "x$fcgi_sse_fixed" = xyes],
	    [AC_MSG_RESULT([yes ($fcgi_sse_version)])],
	    [AC_MSG_RESULT([no ($fcgi_sse_version)])
		AC_MSG_ERROR([
libfcgi $fcgi_sse_version can be overflowed by a request (CVE-2025-23016).
Install 2.4.5 or later, or Debian's 2.4.2-2+deb12u1 or later. Where this
libfcgi has the fix all the same: ./configure --disable-fcgi-version-check])])
])

# FCGI_SSE_PYTHON
# Sets PYTHON to a Python 3 that has pytest: the system's first, since
# another one in PATH seldom has Debian's modules. Without pytest, the first.
AC_DEFUN([FCGI_SSE_PYTHON], [
	AC_ARG_VAR([PYTHON], [Python 3 with pytest, for the tests])
	AC_MSG_CHECKING([for Python 3 with pytest])
	AS_IF([test -z "$PYTHON"], [
		for fcgi_sse_python in /usr/bin/python3 python3; do
			AS_IF([$fcgi_sse_python -c 'import pytest' 2>/dev/null],
			    [PYTHON=$fcgi_sse_python; break])
		done
	])
	AC_MSG_RESULT([${PYTHON:-no}])
	PYTHON=${PYTHON:-/usr/bin/python3}
])

# FCGI_SSE_STATIC(PREFIX...)
# Has the libraries of each PREFIX_LIBS linked from their archives.
AC_DEFUN([FCGI_SSE_STATIC], [m4_foreach_w([fcgi_sse_PREFIX], [$1],
    [_FCGI_SSE_STATIC(fcgi_sse_PREFIX[_LIBS])])])

# The archive of libuv is libuv_a.a until 1.45.
AC_DEFUN([_FCGI_SSE_STATIC], [
	AC_MSG_CHECKING([for the archives of $1])
	fcgi_sse_archives=
	for fcgi_sse_word in $$1; do
		AS_CASE([$fcgi_sse_word], [-lm|-lpthread|-ldl|-lrt], [], [-l*], [
			fcgi_sse_name=`AS_ECHO(["$fcgi_sse_word"]) | sed 's/^-l//'`
			for fcgi_sse_file in lib$fcgi_sse_name.a \
			    lib${fcgi_sse_name}_a.a; do
				fcgi_sse_path=`$CC -print-file-name=$fcgi_sse_file`
				test -f "$fcgi_sse_path" && break
			done
			AS_IF([test ! -f "$fcgi_sse_path"], [AC_MSG_ERROR([
--enable-static-deps needs the archive lib$fcgi_sse_name.a, which is not there])])
			fcgi_sse_word=$fcgi_sse_path])
		fcgi_sse_archives="$fcgi_sse_archives $fcgi_sse_word"
	done
	$1=$fcgi_sse_archives
	AC_MSG_RESULT([$fcgi_sse_archives])
])
