package so.suna.queuemetrics.redis;

import java.time.Clock;
import java.time.Duration;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.http.SdkHttpMethod;
import software.amazon.awssdk.http.SdkHttpRequest;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4FamilyHttpSigner.AuthLocation;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4HttpSigner;
import software.amazon.awssdk.regions.providers.AwsRegionProvider;
import software.amazon.awssdk.regions.providers.DefaultAwsRegionProviderChain;

/**
 * Signs the request that ElastiCache takes for a password; it is never sent. After <a
 * href="https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html">Authenticating with
 * IAM</a>. Safe for use by several threads.
 */
public final class IamToken {

  /** The longest that ElastiCache accepts. */
  private static final Duration VALID_FOR = Duration.ofMinutes(15);

  private final AwsCredentialsProvider credentials;
  private final AwsRegionProvider region;
  private final Clock clock;

  IamToken(AwsCredentialsProvider credentials, AwsRegionProvider region, Clock clock) {
    this.credentials = credentials;
    this.region = region;
    this.clock = clock;
  }

  /** Signs as this function's role, in its region; the AWS SDK looks both up for each token. */
  public static IamToken ofThisFunction() {
    return new IamToken(
        () -> DefaultCredentialsProvider.builder().build().resolveCredentials(),
        () -> new DefaultAwsRegionProviderChain().getRegion(),
        Clock.systemUTC());
  }

  /**
   * Returns the token for one login, valid for 15 minutes from now.
   *
   * @throws RedisException if there are no credentials or no region
   */
  String sign(Login.Iam login) {
    SdkHttpRequest connect =
        SdkHttpRequest.builder()
            .method(SdkHttpMethod.GET)
            .protocol("https")
            .host(login.cacheName())
            .encodedPath("/")
            .putRawQueryParameter("Action", "connect")
            .putRawQueryParameter("User", login.user())
            .applyMutation(
                request -> {
                  if (login.serverless()) {
                    request.putRawQueryParameter("ResourceType", "ServerlessCache");
                  }
                })
            .build();
    try {
      var signed =
          AwsV4HttpSigner.create()
              .sign(
                  request ->
                      request
                          .identity(credentials.resolveCredentials())
                          .request(connect)
                          .putProperty(AwsV4HttpSigner.SERVICE_SIGNING_NAME, "elasticache")
                          .putProperty(AwsV4HttpSigner.REGION_NAME, region.getRegion().id())
                          .putProperty(AwsV4HttpSigner.AUTH_LOCATION, AuthLocation.QUERY_STRING)
                          .putProperty(AwsV4HttpSigner.EXPIRATION_DURATION, VALID_FOR)
                          .putProperty(AwsV4HttpSigner.SIGNING_CLOCK, clock));
      return signed.request().getUri().toString().substring("https://".length());
    } catch (SdkException e) {
      throw new RedisException(
          "no token for the Redis login %s: %s".formatted(login, e.getMessage()), e);
    }
  }
}
