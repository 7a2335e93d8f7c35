<?php
// Signs what standard input asks for, by lcobucci/jwt, which the file in the
// first argument loads.

use Lcobucci\JWT\Encoding\ChainedFormatter;
use Lcobucci\JWT\Encoding\JoseEncoder;
use Lcobucci\JWT\Signer;
use Lcobucci\JWT\Signer\Key\InMemory;
use Lcobucci\JWT\Token\Builder;

require $argv[1];

const SIGNERS = [
	"HS256" => Signer\Hmac\Sha256::class,
	"HS384" => Signer\Hmac\Sha384::class,
	"HS512" => Signer\Hmac\Sha512::class,
	"RS256" => Signer\Rsa\Sha256::class,
	"RS384" => Signer\Rsa\Sha384::class,
	"RS512" => Signer\Rsa\Sha512::class,
	"ES256" => Signer\Ecdsa\Sha256::class,
	"ES384" => Signer\Ecdsa\Sha384::class,
	"ES512" => Signer\Ecdsa\Sha512::class,
	"EdDSA" => Signer\Eddsa::class,
];

function key_of(array $job): InMemory
{
	if ($job["alg"] !== "EdDSA") {
		return InMemory::plainText($job["key"]);
	}
	$lines = array_slice(explode("\n", trim($job["key"])), 1, -1);
	$seed = substr(base64_decode(implode("", $lines)), -32);
	$pair = sodium_crypto_sign_seed_keypair($seed);
	return InMemory::plainText(sodium_crypto_sign_secretkey($pair));
}

function date_of(float $seconds): DateTimeImmutable
{
	return DateTimeImmutable::createFromFormat("U.u",
		sprintf("%.6F", $seconds));
}

// By its calls, which write times with a fraction where they have one.
function sign(array $job): string
{
	$claims = $job["claims"];
	$builder = new Builder(new JoseEncoder(), ChainedFormatter::default());
	if ($job["shape"] === "calls") {
		$now = microtime(true);
		$claims += ["nbf" => $now - 5, "exp" => $now + $job["seconds"]];
		$builder = $builder->issuedAt(date_of($now))
			->identifiedBy("1")->relatedTo("42");
	}
	foreach ($job["header"] as $name => $value) {
		$builder = $builder->withHeader($name, $value);
	}
	foreach ($claims as $name => $value) {
		$builder = match ($name) {
			"exp" => $builder->expiresAt(date_of($value)),
			"nbf" => $builder->canOnlyBeUsedAfter(date_of($value)),
			"iss" => $builder->issuedBy($value),
			"aud" => $job["shape"] === "calls"
				? $builder->permittedFor($value, "https://other.example")
				: $builder->permittedFor($value),
			default => $builder->withClaim($name, $value),
		};
	}
	$signer = new (SIGNERS[$job["alg"]])();
	return $builder->getToken($signer, key_of($job))->toString();
}

$jobs = json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR);
echo json_encode(array_map("sign", $jobs));
