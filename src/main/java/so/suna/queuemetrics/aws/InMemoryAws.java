package so.suna.queuemetrics.aws;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.ByteArrayInputStream;
import software.amazon.awssdk.http.AbortableInputStream;
import software.amazon.awssdk.http.ExecutableHttpRequest;
import software.amazon.awssdk.http.HttpExecuteRequest;
import software.amazon.awssdk.http.HttpExecuteResponse;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.SdkHttpResponse;

/** Answers like ECS and CloudWatch without leaving the process. */
final class InMemoryAws implements SdkHttpClient {

  private static final byte[] WORKERS =
      "{\"services\":[{\"status\":\"ACTIVE\",\"runningCount\":1}],\"failures\":[]}"
          .getBytes(US_ASCII);

  /** CBOR's map without entries. */
  private static final byte[] TAKEN = {(byte) 0xa0};

  @Override
  public ExecutableHttpRequest prepareRequest(HttpExecuteRequest request) {
    boolean cbor = request.httpRequest().firstMatchingHeader("smithy-protocol").isPresent();
    byte[] body = cbor ? TAKEN : WORKERS;
    var response = SdkHttpResponse.builder().statusCode(200);
    if (cbor) {
      response.putHeader("smithy-protocol", "rpc-v2-cbor");
    }
    return new ExecutableHttpRequest() {
      @Override
      public HttpExecuteResponse call() {
        return HttpExecuteResponse.builder()
            .response(response.build())
            .responseBody(AbortableInputStream.create(new ByteArrayInputStream(body)))
            .build();
      }

      @Override
      public void abort() {}
    };
  }

  @Override
  public void close() {}
}
