<?php
// An application with Symfony's Mercure component, for php -S. GET / is a page
// of the user that the query names, with the cookie of the component; POST
// /publish publishes what the form says, in the way that it says.

use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\Response;
use Symfony\Component\Mercure\Authorization;
use Symfony\Component\Mercure\Discovery;
use Symfony\Component\Mercure\Exception\RuntimeException;
use Symfony\Component\Mercure\Hub;
use Symfony\Component\Mercure\HubRegistry;
use Symfony\Component\Mercure\Jwt\CallableTokenProvider;
use Symfony\Component\Mercure\Jwt\FactoryTokenProvider;
use Symfony\Component\Mercure\Jwt\LcobucciFactory;
use Symfony\Component\Mercure\Jwt\StaticTokenProvider;
use Symfony\Component\Mercure\Jwt\TokenFactoryInterface;
use Symfony\Component\Mercure\Publisher;
use Symfony\Component\Mercure\Update;
use Symfony\Contracts\HttpClient\Exception\HttpExceptionInterface;

error_reporting(E_ALL & ~E_DEPRECATED & ~E_USER_DEPRECATED);
require "Symfony/Component/Mercure/autoload.php";
if (getenv("PHP_AUTOLOAD")) {
	require getenv("PHP_AUTOLOAD");
}

// What an application writes that has no lcobucci/jwt.
final class OwnFactory implements TokenFactoryInterface
{
	public function __construct(private string $secret)
	{
	}

	public function create(?array $subscribe = [], ?array $publish = [],
		array $additionalClaims = []): string
	{
		$mercure = ["subscribe" => $subscribe, "publish" => $publish];
		$claims = ["mercure" => $mercure
			+ ($additionalClaims["mercure"] ?? [])] + $additionalClaims;
		if (($claims["exp"] ?? null) instanceof DateTimeInterface) {
			$claims["exp"] = $claims["exp"]->getTimestamp();
		}
		$text = self::encode('{"typ":"JWT","alg":"HS256"}') . "."
			. self::encode(json_encode($claims));
		return $text . "." . self::encode(
			hash_hmac("sha256", $text, $this->secret, true));
	}

	private static function encode(string $bytes): string
	{
		return rtrim(strtr(base64_encode($bytes), "+/", "-_"), "=");
	}
}

function factory(): TokenFactoryInterface
{
	$secret = getenv("HUB_SECRET");
	return getenv("PHP_AUTOLOAD") ? new LcobucciFactory($secret)
		: new OwnFactory($secret);
}

function publish(array $form): string
{
	$url = getenv("HUB_URL");
	$allowed = explode(" ", $form["allowed"]);
	$claims = isset($form["exp"])
		? ["exp" => new DateTimeImmutable($form["exp"])] : [];
	$token = factory()->create([], $allowed, $claims);
	$update = new Update(explode(" ", $form["topics"]), $form["data"],
		isset($form["private"]), $form["id"] ?? null, $form["type"] ?? null,
		isset($form["retry"]) ? (int) $form["retry"] : null);
	$provider = match ($form["way"]) {
		"callable" => new CallableTokenProvider(fn () => $token),
		"factory" => new FactoryTokenProvider(factory(), [], $allowed),
		default => new StaticTokenProvider($token),
	};
	if ($form["way"] === "publisher") {
		return (new Publisher($url, fn () => $token))($update);
	}
	return (new Hub($url, $provider))->publish($update);
}

function publish_answer(array $form): Response
{
	try {
		return new Response(publish($form));
	} catch (RuntimeException | HttpExceptionInterface $error) {
		$cause = $error->getPrevious() ?? $error;
		return new Response($cause->getMessage(),
			$cause->getResponse()->getStatusCode());
	}
}

// The page and, as SetCookieSubscriber does in an application, the cookie.
function page(Request $request): Response
{
	$hub = new Hub(getenv("HUB_URL"), new StaticTokenProvider(""), factory());
	$registry = new HubRegistry($hub);
	$authorization = new Authorization($registry);
	$user = $request->query->get("user");
	$response = new Response("<!DOCTYPE html><title>Symfony</title>");
	if ($user === null) {
		$authorization->clearCookie($request);
	} else {
		$authorization->setCookie($request, ["/users/$user/{box}"]);
	}
	foreach ($request->attributes->get("_mercure_authorization_cookies")
		as $cookie) {
		$response->headers->setCookie($cookie);
	}
	(new Discovery($registry))->addLink($request);
	foreach ($request->attributes->get("_links")->getLinks() as $link) {
		$response->headers->set("Link",
			"<{$link->getHref()}>; rel=\"{$link->getRels()[0]}\"");
	}
	return $response;
}

$request = Request::createFromGlobals();
(match ($request->getPathInfo()) {
	"/" => page($request),
	"/publish" => publish_answer($request->request->all()),
	default => new Response("", 404),
})->send();
