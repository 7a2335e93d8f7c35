# Prints what fcgi-sse doctor advises, advice.def, as HTML: for each finding a
# heading whose id is its word, and a list.

function take_word(    word) {
	match(text, /[A-Z0-9_]+/)
	word = substr(text, RSTART, RLENGTH)
	text = substr(text, RSTART + RLENGTH)
	return tolower(word)
}

# A string of C, which may have several parts.
function take_string(    string) {
	string = ""
	do {
		match(text, /"([^"\\]|\\.)*"/)
		string = string substr(text, RSTART + 1, RLENGTH - 2)
		text = substr(text, RSTART + RLENGTH)
	} while (text ~ /^[ \t]*"/)
	gsub(/\\/, "", string)
	gsub(/&/, "\\&amp;", string)
	gsub(/</, "\\&lt;", string)
	gsub(/>/, "\\&gt;", string)
	return string
}

/^\/\*/ || /^ \*/ { next }

{ text = text " " $0 }

BEGIN {
	name["apache"] = "Apache"
	name["apache-proxy"] = "Apache mod_proxy_fcgi"
	name["apache-fcgid"] = "Apache mod_fcgid"
	name["apache-cgi"] = "Apache CGI"
	name["lighttpd"] = "lighttpd"
	name["nginx"] = "nginx"
	name["haproxy"] = "HAProxy"
	name["caddy"] = "Caddy"
	name["h2o"] = "h2o"
	name["varnish"] = "Varnish"
}

END {
	while (match(text, /ADVICE\(/)) {
		text = substr(text, RSTART + RLENGTH)
		check = take_word()
		front = take_word()
		directive = take_string()
		where = take_string()
		gsub(/_/, "-", check)
		sub(/_/, "-", front)
		if (check != last) {
			if (last != "")
				print "    </ul>"
			printf "    <h3 id=\"%s\"><code>%s</code></h3>\n    <ul>\n", \
			    check, check
		}
		last = check
		printf "      <li data-front=\"%s\">%s<code>%s</code>%s</li>\n", \
		    front, name[front] == "" ? "" : name[front] ": ", directive, \
		    where == "" ? "" : ", " where
	}
	print "    </ul>"
}
