package so.suna.queuemetrics.ecs;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.exception.AbortedException;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.http.ContentStreamProvider;
import software.amazon.awssdk.http.HttpExecuteRequest;
import software.amazon.awssdk.http.HttpExecuteResponse;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.SdkHttpMethod;
import software.amazon.awssdk.http.SdkHttpRequest;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4FamilyHttpSigner;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4HttpSigner;
import software.amazon.awssdk.http.auth.spi.signer.HttpSigner;
import software.amazon.awssdk.http.auth.spi.signer.SignedRequest;
import software.amazon.awssdk.retries.api.AcquireInitialTokenRequest;
import software.amazon.awssdk.retries.api.RecordSuccessRequest;
import software.amazon.awssdk.retries.api.RefreshRetryTokenRequest;
import software.amazon.awssdk.retries.api.RefreshRetryTokenResponse;
import software.amazon.awssdk.retries.api.RetryStrategy;
import software.amazon.awssdk.retries.api.RetryToken;
import software.amazon.awssdk.retries.api.TokenAcquisitionFailedException;

/**
 * The one operation of ECS that a tick needs, signed, sent and retried by the parts of the AWS SDK
 * that its clients are made of: the SDK's module for ECS is large and slow to load, for one call.
 * Safe for use by several threads.
 *
 * <p>At a silent server a call ends after about 7 s: the last attempt begins within 3 s, and waits
 * 2 s for a connection and 2 s for an answer. One that sends its handshake or its headers in small
 * pieces holds the call until Lambda ends the tick: {@code HttpURLConnection} limits only how long
 * it is silent.
 */
public final class EcsApi {

  /** Longer than this no body may take to arrive, even where it never stands still. */
  private static final Duration ATTEMPT_TIMEOUT = Duration.ofSeconds(2);

  /** No attempt begins later. */
  static final Duration LAST_ATTEMPT_AFTER = Duration.ofSeconds(3);

  private final SdkHttpClient http;
  private final AwsCredentialsProvider credentials;
  private final String region;
  private final URI endpoint;
  private final Clock clock;
  private final AwsV4HttpSigner signer = AwsV4HttpSigner.create();
  private final RetryStrategy retries = AwsRetryStrategy.standardRetryStrategy();

  /**
   * @param http bounds how long a connection may be silent
   */
  public EcsApi(
      SdkHttpClient http,
      AwsCredentialsProvider credentials,
      String region,
      URI endpoint,
      Clock clock) {
    this.http = http;
    this.credentials = credentials;
    this.region = region;
    this.endpoint = endpoint;
    this.clock = clock;
  }

  /**
   * What ECS says of one service.
   *
   * @throws SdkException if it refused, gave no answer at any attempt, or the endpoint is none
   */
  public JsonObject describeServices(String cluster, String service) {
    var input = new JsonObject();
    input.addProperty("cluster", cluster);
    var services = new JsonArray();
    services.add(service);
    input.add("services", services);
    byte[] body = input.toString().getBytes(StandardCharsets.UTF_8);

    Instant lastAttempt = clock.instant().plus(LAST_ATTEMPT_AFTER);
    RetryToken token =
        retries.acquireInitialToken(AcquireInitialTokenRequest.create("DescribeServices")).token();
    for (int attempt = 1; ; attempt++) {
      try {
        JsonObject output = attempt(attempt, body);
        retries.recordSuccess(RecordSuccessRequest.create(token));
        return output;
      } catch (SdkException e) {
        token = tokenForRetry(token, e, lastAttempt);
      }
    }
  }

  /** Waits as long as the SDK would before it tries again; throws where it would not. */
  private RetryToken tokenForRetry(RetryToken token, SdkException failure, Instant lastAttempt) {
    RefreshRetryTokenResponse again;
    try {
      again =
          retries.refreshRetryToken(
              RefreshRetryTokenRequest.builder().token(token).failure(failure).build());
      if (clock.instant().plus(again.delay()).isAfter(lastAttempt)) {
        throw failure;
      }
      Thread.sleep(again.delay());
    } catch (TokenAcquisitionFailedException _) {
      throw failure;
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      throw AbortedException.create("interrupted before another attempt", failure);
    }
    return again.token();
  }

  private JsonObject attempt(int attempt, byte[] body) {
    SignedRequest signed = signed(body);
    Instant end = clock.instant().plus(ATTEMPT_TIMEOUT);
    var request = HttpExecuteRequest.builder().request(signed.request());
    signed.payload().ifPresent(request::contentStreamProvider);
    try {
      HttpExecuteResponse response = http.prepareRequest(request.build()).call();
      JsonObject output = json(response, end);
      if (!response.httpResponse().isSuccessful()) {
        throw refusal(attempt, output, response);
      }
      return output;
    } catch (IOException e) {
      throw SdkClientException.create("Unable to execute HTTP request: " + e.getMessage(), e);
    }
  }

  SignedRequest signed(byte[] body) {
    SdkHttpRequest request = request(body.length);
    return signer.sign(
        signing ->
            signing
                .identity(credentials.resolveCredentials())
                .request(request)
                .payload(ContentStreamProvider.fromByteArrayUnsafe(body))
                .putProperty(AwsV4FamilyHttpSigner.SERVICE_SIGNING_NAME, "ecs")
                .putProperty(AwsV4HttpSigner.REGION_NAME, region)
                .putProperty(HttpSigner.SIGNING_CLOCK, clock));
  }

  private SdkHttpRequest request(int length) {
    try {
      return SdkHttpRequest.builder()
          .method(SdkHttpMethod.POST)
          .uri(endpoint)
          .putHeader("Content-Type", "application/x-amz-json-1.1")
          .putHeader("Content-Length", Integer.toString(length))
          .putHeader("X-Amz-Target", "AmazonEC2ContainerServiceV20141113.DescribeServices")
          .build();
    } catch (NullPointerException | IllegalArgumentException e) {
      // So the SDK says which part of the address is missing.
      throw SdkClientException.create(
          "the address of ECS (AWS_ENDPOINT_URL_ECS, AWS_ENDPOINT_URL) must be http:// or https:// and a host, was \"%s\": %s"
              .formatted(endpoint, e.getMessage()),
          e);
    }
  }

  /** The body, which is empty for some errors. */
  private JsonObject json(HttpExecuteResponse response, Instant end) throws IOException {
    if (response.responseBody().isEmpty()) {
      return new JsonObject();
    }
    try (InputStream body = response.responseBody().get()) {
      var read = new ByteArrayOutputStream();
      var part = new byte[4_096];
      for (int length = body.read(part); length >= 0; length = body.read(part)) {
        read.write(part, 0, length);
        if (clock.instant().isAfter(end)) {
          throw new SocketTimeoutException("Read timed out");
        }
      }
      JsonElement output = JsonParser.parseString(read.toString(StandardCharsets.UTF_8));
      return output instanceof JsonObject object ? object : new JsonObject();
    } catch (JsonParseException e) {
      // A load balancer's error page: its status tells whether to try again.
      if (response.httpResponse().isSuccessful()) {
        throw SdkClientException.create("ECS answered something that is no JSON", e);
      }
      return new JsonObject();
    }
  }

  private static AwsServiceException refusal(
      int attempt, JsonObject output, HttpExecuteResponse response) {
    String type = text(output, "__type");
    String message = text(output, "message");
    return AwsServiceException.builder()
        .statusCode(response.httpResponse().statusCode())
        .numAttempts(attempt)
        .requestId(response.httpResponse().firstMatchingHeader("x-amzn-RequestId").orElse(null))
        .awsErrorDetails(
            AwsErrorDetails.builder()
                .serviceName("Ecs")
                .errorCode(type.substring(type.indexOf('#') + 1))
                .errorMessage(message.isEmpty() ? text(output, "Message") : message)
                .sdkHttpResponse(response.httpResponse())
                .build())
        .build();
  }

  static String text(JsonObject object, String name) {
    return object.get(name) instanceof JsonPrimitive text ? text.getAsString() : "";
  }
}
