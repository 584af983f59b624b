package so.suna.queuemetrics.aws;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import javax.net.ssl.SSLContext;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.awscore.client.builder.AwsSyncClientBuilder;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.regions.providers.DefaultAwsRegionProviderChain;
import software.amazon.awssdk.services.cloudwatch.CloudWatchClient;
import software.amazon.awssdk.services.ecs.EcsClient;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;

/**
 * Makes the clients of CloudWatch, ECS and Secrets Manager. They share an HTTP client, the
 * credentials and the region, try three times, and end an attempt after 2 s and a call after 5 s,
 * even if the answer keeps trickling in. Closing one leaves the HTTP client open. Opens no
 * connection. Safe for use by several threads. A client cannot be made if its endpoint is set to
 * something that is not a URI.
 *
 * <p>The SDK finds credentials, region and endpoints in its usual places: system properties, the
 * environment of the process (not the map that the other settings come from) and profiles. So
 * {@code AWS_ENDPOINT_URL}, {@code AWS_USE_FIPS_ENDPOINT} and {@code AWS_USE_DUALSTACK_ENDPOINT}
 * work; the SDK for Java ignores {@code AWS_IGNORE_CONFIGURED_ENDPOINT_URLS}.
 */
public record AwsClients(SdkHttpClient http, AwsCredentialsProvider credentials, Region region) {

  private static final Duration ATTEMPT_TIMEOUT = Duration.ofSeconds(2);
  private static final Duration CALL_TIMEOUT = Duration.ofSeconds(5);

  /** One more than a tick's servers: CloudWatch, ECS and Redis. */
  private static final int TLS_SESSIONS = 4;

  /**
   * With the credentials of the function's role.
   *
   * @throws SdkClientException if no region is set
   */
  public static AwsClients ofThisFunction() {
    return of(
        DefaultCredentialsProvider.builder().build(),
        new DefaultAwsRegionProviderChain().getRegion());
  }

  static AwsClients of(AwsCredentialsProvider credentials, Region region) {
    keepFewTlsSessions();
    // Else the JDK reads the rest of a body that the SDK gave up, under the lock that a read of the
    // call may wait for: twice a call took 200 s instead of 5 s.
    System.setProperty("http.KeepAlive.remainingData", "0");
    return new AwsClients(
        UrlConnectionHttpClient.create(AwsClients::connection), credentials, region);
  }

  public CloudWatchClient cloudWatch() {
    return client(CloudWatchClient.builder());
  }

  public EcsClient ecs() {
    return client(EcsClient.builder());
  }

  SecretsManagerClient secretsManager() {
    return client(SecretsManagerClient.builder());
  }

  <B extends AwsClientBuilder<B, C> & AwsSyncClientBuilder<B, C>, C> C client(B builder) {
    return builder
        .httpClient(http)
        .credentialsProvider(credentials)
        .region(region)
        .overrideConfiguration(
            calls ->
                calls
                    .retryStrategy(AwsRetryStrategy.standardRetryStrategy())
                    .apiCallAttemptTimeout(ATTEMPT_TIMEOUT)
                    .apiCallTimeout(CALL_TIMEOUT)
                    .addExecutionInterceptor(new BodyTimeLimit(ATTEMPT_TIMEOUT)))
        .build();
  }

  /**
   * The JDK keeps a server's first session for a day, and that one holds every session resumed
   * since: two more each tick. In a small cache the first ones make room for the later ones.
   */
  private static void keepFewTlsSessions() {
    try {
      SSLContext.getDefault().getClientSessionContext().setSessionCacheSize(TLS_SESSIONS);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("TLS cannot be used: " + e.getMessage(), e);
    }
  }

  /** Uses the JDK's shared TLS context; the SDK's default makes one for each client. */
  private static HttpURLConnection connection(URI uri) {
    try {
      var connection = (HttpURLConnection) uri.toURL().openConnection();
      connection.setConnectTimeout((int) ATTEMPT_TIMEOUT.toMillis());
      connection.setReadTimeout((int) ATTEMPT_TIMEOUT.toMillis());
      return connection;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
