<?php
// Signs what standard input asks for, by firebase/php-jwt, which the file in
// the first argument loads.

use Firebase\JWT\JWT;

require $argv[1];

// The library takes an Ed25519 key as libsodium has it, in base64.
function sodium_key(string $pem): string
{
	$lines = array_slice(explode("\n", trim($pem)), 1, -1);
	$seed = substr(base64_decode(implode("", $lines)), -32);
	$pair = sodium_crypto_sign_seed_keypair($seed);
	return base64_encode(sodium_crypto_sign_secretkey($pair));
}

function sign(array $job): string
{
	$claims = $job["claims"];
	$header = $job["header"];
	$key = $job["alg"] === "EdDSA" ? sodium_key($job["key"]) : $job["key"];
	if ($job["shape"] === "calls") {
		// As the library's users write it, with fractions of seconds.
		$now = microtime(true);
		$claims += ["iat" => $now, "nbf" => $now - 5, "sub" => "42",
			"exp" => $now + $job["seconds"], "jti" => "1"];
		if (isset($claims["aud"])) {
			$claims["aud"] = [$claims["aud"], "https://other.example"];
		}
	}
	$kid = $header["kid"] ?? null;
	unset($header["kid"]);
	return JWT::encode($claims, $key, $job["alg"], $kid, $header);
}

$jobs = json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR);
echo json_encode(array_map("sign", $jobs));
