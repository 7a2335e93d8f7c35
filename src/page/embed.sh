#!/bin/sh
# embed.sh DIR: prints page_data.c, the files of the page in DIR as C.
set -eu

dir=$1

# Path below the mount, file, content type.
files='/ index.html text/html; charset=utf-8
/page.css page.css text/css; charset=utf-8
/page.js page.js text/javascript; charset=utf-8
/chat.js chat.js text/javascript; charset=utf-8
/token.js token.js text/javascript; charset=utf-8
/subscribers.js subscribers.js text/javascript; charset=utf-8
/client.js client.js text/javascript; charset=utf-8
/icon.svg icon.svg image/svg+xml
/web-servers web-servers.html text/html; charset=utf-8
/status status.html text/html; charset=utf-8
/status.css status.css text/css; charset=utf-8
/status.js status.js text/javascript; charset=utf-8'

array_name() { # FILE
	echo "file_$1" | tr -c 'a-z0-9\n' _
}

# The file as it is served: client.js, which each page loads, without its
# comments, which begin their lines or end them, and without indentation; and
# web-servers.html with what the doctor advises.
print_file() { # FILE
	case $1 in
	client.js)
		sed -e 's|[ 	]*/\*.*\*/$||' -e '/^[ 	]*\/\*/,/\*\/$/d' \
		    -e 's/^[ 	]*//' -e '/^$/d' "$dir/$1" ;;
	web-servers.html)
		sed '/<!-- findings -->/,$d' "$dir/$1"
		awk -f "$dir/findings.awk" "$dir/../tool/advice.def"
		sed '1,/<!-- findings -->/d' "$dir/$1" ;;
	*) cat "$dir/$1" ;;
	esac
}

# The file's bytes as one array.
print_bytes() { # FILE
	test -r "$dir/$1" || { echo "$0: $dir/$1 is missing" >&2; exit 1; }
	printf '\nstatic const unsigned char %s[] = {\n' "$(array_name "$1")"
	print_file "$1" | od -An -v -tx1 | sed 's/  *\([0-9a-f][0-9a-f]\)/0x\1,/g'
	printf '};\n'
}

# The file's line of the table. The ETag is a quoted checksum of the contents.
print_entry() { # PATH FILE TYPE
	array=$(array_name "$2")
	checksum=$(print_file "$2" | cksum)
	printf '\t{ "%s", "%s", "\\"%08x-%x\\"",\n\t    %s, sizeof(%s) },\n' \
	    "$1" "$3" "${checksum% *}" "${checksum#* }" "$array" "$array"
}

printf '/* Made by embed.sh from the files of the page. */\n\n'
printf '#include "page/page_data.h"\n'
echo "$files" | while read -r path file type; do
	print_bytes "$file"
done
printf '\nconst struct page_file page_files[] = {\n'
echo "$files" | while read -r path file type; do
	print_entry "$path" "$file" "$type"
done
printf '};\n\nconst size_t page_file_count =\n'
printf '    sizeof(page_files) / sizeof(page_files[0]);\n'
